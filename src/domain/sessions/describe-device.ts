import bowser from 'bowser'
import { LRUCache } from 'lru-cache'

/**
 * The device of a session, for the list of sessions: `Firefox on Windows`. It comes from a header, which can be forged.
 */
export interface Device {
  /** The browser, or the app or HTTP library in its place. */
  browser: string | null
  os: string | null
  kind: 'desktop' | 'mobile' | 'tablet' | 'tv' | 'bot' | 'app' | 'unknown'
}

/**
 * Describes the device of a User-Agent header, for users who look at their sessions; no decision depends on it. It
 * reads at most 512 characters, never throws, and returns no control or invisible characters.
 *
 * Safari and Chrome on an iPad identify themselves as a Mac by default, so the result says Mac too.
 */
export function describeDevice(userAgent: string | undefined): Readonly<Device> {
  const text = (userAgent ?? '').slice(0, MAX_CHARACTERS)
  let described = recent.get(text)
  if (!described) {
    described = Object.freeze(describe(text.replace(UNPRINTABLE, '').trim()))
    recent.set(text, described)
  }
  return described
}

/** Most users have one of a few browsers, and every event, session and letter names it again. About 1 MB at most. */
const recent = new LRUCache<string, Readonly<Device>>({ max: 500 })

function describe(text: string): Device {
  // Bowser refuses the empty string.
  if (text === '') return { browser: null, os: null, kind: 'unknown' }

  const { browser, os, platform } = bowser.parse(text)
  const found: Device = { browser: browserName(browser.name), os: os.name || null, kind: kindOf(platform.type) }

  if (found.kind === 'bot' || found.kind === 'tv') return found
  if (text.includes('WindowsPowerShell/')) return { browser: 'PowerShell', os: 'Windows', kind: 'app' }
  // Every browser begins with one of these two, for historical reasons; apps and libraries begin with their own name.
  if (/^(?:Mozilla|Opera)\//.test(text)) return { ...found, kind: found.os === 'Chrome OS' ? 'desktop' : found.kind }
  return { browser: appName(text), os: found.os ?? appOs(text), kind: 'app' }
}

const MAX_CHARACTERS = 512
const MAX_NAME_CHARACTERS = 40

/** Control and invisible characters, halves of surrogate pairs, line and paragraph separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** For an unknown browser, Bowser returns the first word of the header; only names from its own list are used. */
const BROWSERS = new Set(Object.values(bowser.BROWSER_MAP))

function browserName(name: string | undefined): string | null {
  if (name === undefined || !BROWSERS.has(name)) return null
  return name === 'Samsung Internet for Android' ? 'Samsung Internet' : name
}

function kindOf(type: string | undefined): Device['kind'] {
  switch (type) {
    case 'desktop':
    case 'mobile':
    case 'tablet':
    case 'tv':
    case 'bot':
      return type
    default:
      return 'unknown'
  }
}

/** The names of libraries in headers, and names that users can recognize. */
const LIBRARIES: ReadonlyMap<string, string> = new Map([
  ['apache-httpclient', 'Apache HttpClient'],
  ['dalvik', 'Android app'],
  ['dart', 'Dart app'],
  ['go-http-client', 'Go'],
  ['httpie', 'HTTPie'],
  ['insomnia', 'Insomnia'],
  ['java', 'Java'],
  ['java-http-client', 'Java'],
  ['node', 'Node.js'],
  ['node-fetch', 'Node.js'],
  ['okhttp', 'OkHttp app'],
  ['postmanruntime', 'Postman'],
  ['python-requests', 'Python Requests'],
  ['python-urllib', 'Python'],
  ['undici', 'Node.js'],
])

/** The product before the first slash or bracket: `My App/2.1 (…)`, `MyApp%20Pro/42 CFNetwork/…`, `curl/8.5.0`. */
function appName(text: string): string {
  const product = decode(text.split(/[/(;,]/, 1)[0]!)
    .replace(/[^\p{L}\p{M}\p{N} ._+-]/gu, '')
    .trim()
  // Cut between code points: Postgres refuses half a surrogate pair in jsonb.
  const name = [...product].slice(0, MAX_NAME_CHARACTERS).join('').trim()
  return LIBRARIES.get(name.toLowerCase()) ?? (name || 'App')
}

/** CFNetwork percent-encodes the app's name; if decoding fails, the percent sign is part of the name. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Operating systems in the headers of apps. CFNetwork without one of these names can be iOS or macOS. */
function appOs(text: string): string | null {
  if (/\b(?:iOS|iPadOS)\b/.test(text)) return 'iOS'
  if (/\bmacOS\b/.test(text)) return 'macOS'
  return text.includes('CFNetwork/') ? 'iOS or macOS' : null
}
