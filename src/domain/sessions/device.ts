import bowser from 'bowser'

/** What a list of sessions shows of a sign-in: `Firefox on Windows`. Taken from a header that anyone can forge. */
export interface Device {
  /** The browser, or the app or HTTP library in its place. */
  browser: string | null
  os: string | null
  kind: 'desktop' | 'mobile' | 'tablet' | 'tv' | 'bot' | 'app' | 'unknown'
}

/**
 * Names the device behind a User-Agent header, for people who look through their sessions; nothing is decided by it.
 * It reads 512 characters at most, never throws, and returns no control or invisible characters.
 *
 * Safari and Chrome on an iPad call themselves a Mac unless told otherwise, and so does this. It costs some 10 µs
 * beside a password hash of milliseconds, so it keeps no cache.
 */
export function describeDevice(userAgent: string | undefined): Device {
  const text = (userAgent ?? '').slice(0, MAX_CHARACTERS).replace(UNPRINTABLE, '').trim()
  // Bowser refuses the empty string.
  if (text === '') return { browser: null, os: null, kind: 'unknown' }

  const { browser, os, platform } = bowser.parse(text)
  const found: Device = { browser: browserName(browser.name), os: os.name || null, kind: kindOf(platform.type) }

  if (found.kind === 'bot' || found.kind === 'tv') return found
  if (text.includes('WindowsPowerShell/')) return { browser: 'PowerShell', os: 'Windows', kind: 'app' }
  // Every browser opens with one of these two, for historical reasons; apps and libraries open with their own name.
  if (/^(?:Mozilla|Opera)\//.test(text)) return { ...found, kind: found.os === 'Chrome OS' ? 'desktop' : found.kind }
  return { browser: appName(text), os: found.os ?? appOs(text), kind: 'app' }
}

const MAX_CHARACTERS = 512
const MAX_NAME_CHARACTERS = 40

/** Control and invisible characters, halves of surrogate pairs, line and paragraph separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** Bowser makes up a name from the first word of what it does not know; only names from its own list are kept. */
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

/** What libraries call themselves, where people would not know it. */
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

/** CFNetwork writes the app's name percent-encoded; a stray percent sign is part of a name. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The systems that apps name and browsers do not. CFNetwork alone does not tell Apple's systems apart. */
function appOs(text: string): string | null {
  if (/\b(?:iOS|iPadOS)\b/.test(text)) return 'iOS'
  if (/\bmacOS\b/.test(text)) return 'macOS'
  return text.includes('CFNetwork/') ? 'iOS or macOS' : null
}
