/** A segment of a path: as it certainly is, and as a service that is not strict could read it. */
export interface Segment {
  /** Undefined if it contains letters or digits that are percent-encoded, which not every service decodes. */
  readonly exact: string | undefined
  /** Decoded, without upper case and without what some systems ignore. */
  readonly folded: string
}

/** What is certain about a path. */
export interface ReadPath {
  /** The segments from the start whose meaning is known. */
  readonly segments: readonly Segment[]
  readonly end: /** There are no others. */
    | 'complete'
    /** What follows can be read in several ways. */
    | 'unclear'
    /** The path can lead anywhere: a service could go up in it, or read it in a way nobody knows. */
    | 'anywhere'
}

/**
 * Reads the path of a request as the services behind a gateway could read it. They differ in what they do with `//`,
 * `..`, `;`, backslashes, upper case and percent-encoding, so nothing is guessed.
 *
 * @param target with or without a query
 */
export function readPath(target: string): ReadPath {
  const end = target.indexOf('?')
  const path = end === -1 ? target : target.slice(0, end)
  if (PLAIN.test(path)) return { segments: partsOf(path).map(plainSegment), end: 'complete' }
  if (path.length > MAX_UNUSUAL) return ANYWHERE
  if (!path.startsWith('/') || leadsAnywhere(path)) return ANYWHERE
  const segments: Segment[] = []
  for (const part of partsOf(path)) {
    const segment = readSegment(part)
    if (!segment) return { segments, end: 'unclear' }
    segments.push(segment)
  }
  return { segments, end: 'complete' }
}

const ANYWHERE: ReadPath = { segments: [], end: 'anywhere' }

/** No route needs a longer path with unusual characters, and reading it takes time from every client. */
const MAX_UNUSUAL = 8192

/** Nearly every path: no segment is empty or begins with a dot, and all characters mean themselves. */
const PLAIN = /^(?=\/)(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*\/?$/

function partsOf(path: string): string[] {
  const parts = path.split('/').slice(1)
  if (parts.at(-1) === '') parts.pop()
  return parts
}

function plainSegment(part: string): Segment {
  return { exact: part, folded: fold(part) }
}

/** Undefined if a service can divide the segment, or read it as something else. */
function readSegment(part: string): Segment | undefined {
  const decoded = decodeURIComponent(part)
  // Some services normalise a path before they divide it.
  if (decoded === '' || DIVIDES.test(decoded) || DIVIDES.test(decoded.normalize('NFKC'))) return undefined
  return { exact: ENCODED_PLAIN.test(part) ? undefined : decoded, folded: fold(decoded) }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const DIVIDES = /[/\\;%?#\u0000-\u001f\u007f]/

/** Letters, digits and `- . _ ~` need no encoding (RFC 3986, 2.3). */
const ENCODED_PLAIN = /%(?:2[de]|3\d|[46][1-9a-f]|[57][\da]|5f|7e)/i

/**
 * Upper case first, because of letters such as the dotless i. Some systems ignore spaces around a name, dots at its end,
 * invisible characters, and the name of a stream (`::$DATA`).
 */
function fold(text: string): string {
  const folded = text
    .normalize('NFKC')
    .toUpperCase()
    .toLowerCase()
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
  const stream = folded.indexOf('::$')
  let end = stream === -1 ? folded.length : stream
  // Not a regular expression, which would take the square of the length.
  while (end > 0 && (folded[end - 1] === '.' || folded[end - 1] === ' ')) end--
  return folded.slice(0, end).trimStart()
}

/** How often a path is decoded at most, by a gateway and the services behind it. */
const MAX_DECODINGS = 4

/**
 * Whether a service could go up in the path, after any number of decodings and after it has removed parameters (`..;`),
 * or whether the path has bytes that each service reads in its own way.
 */
function leadsAnywhere(path: string): boolean {
  if (/[^\x21-\x7e]/.test(path) || path.includes('#')) return true
  let text = path
  for (let decodings = 0; ; decodings++) {
    if (text.normalize('NFKC').split(/[/\\]/).some(isDots)) return true
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they end a path in some systems
    if (/[\u0000-\u001f\u007f]/.test(text)) return true
    if (!text.includes('%')) return false
    const decoded = decodings === 0 ? decodeOnce(text) : decodeAgain(text)
    if (decoded === undefined || decodings === MAX_DECODINGS) return true
    if (decoded === text) return false
    text = decoded
  }
}

function isDots(part: string): boolean {
  const name = part.split(';', 1)[0]!
  return name.includes('.') && /^[\s.]+$/.test(name)
}

function decodeOnce(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** A percent sign that was encoded can be one: `100%25`. But a program that decodes twice must not find anything in it. */
function decodeAgain(text: string): string | undefined {
  if (/%[89a-f][0-9a-f]|%u/i.test(text)) return undefined
  return text.replace(/%([0-7][0-9a-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}
