import { VerifierError } from '../verifier-error.js'

/** The headers of a request, with names in lower case, as Node has them. */
export type SentHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * The part of a request that authentication reads. An `IncomingMessage` of Node fits, and so do the requests of Express,
 * Fastify and Koa.
 */
export interface SentRequest {
  /** Without it, a request with a cookie is treated as one that changes something. */
  readonly method?: string | undefined
  readonly headers: SentHeaders
  /** Names and values alternately, as they were sent: Node drops a repeated `Authorization` from `headers`. */
  readonly rawHeaders?: readonly string[]
}

/**
 * The token in `Authorization: Bearer` (RFC 6750, 2.1). The scheme is case-insensitive (RFC 9110, 11.1), and any number of
 * spaces can follow it; every other scheme is refused, not ignored. The token is not trimmed, because that would give it a
 * second spelling.
 *
 * @throws VerifierError ambiguous_request, token_invalid
 */
export function bearerToken({ headers, rawHeaders }: SentRequest): string | undefined {
  const { authorization } = headers
  if (authorization === undefined) return undefined
  if (typeof authorization !== 'string' || isRepeated('authorization', headers, rawHeaders))
    throw new VerifierError('ambiguous_request')
  if (!authorization.startsWith('Bearer ') && authorization.slice(0, 7).toLowerCase() !== 'bearer ')
    throw new VerifierError('token_invalid')
  let start = 'Bearer '.length
  while (authorization[start] === ' ') start++
  return authorization.slice(start)
}

/** Nearly always each header appears once; then their names are not compared. */
function isRepeated(name: string, headers: SentHeaders, rawHeaders: readonly string[] | undefined): boolean {
  if (rawHeaders === undefined || rawHeaders.length === 2 * Object.keys(headers).length) return false
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]?.toLowerCase() === name) count++
  return count > 1
}

/**
 * The distinct values of a cookie, in the order in which they were sent. There can be several: a browser keeps one for
 * each domain and path, and the header does not tell them apart. Nothing is decoded, because a token has one spelling.
 */
export function cookieValues({ cookie }: SentHeaders, name: string): readonly string[] {
  const header = typeof cookie === 'string' ? cookie : (cookie?.join(';') ?? '')
  // Nearly always the cookie is missing; then the header is not split.
  if (!header.includes(name)) return NONE
  const values = new Set<string>()
  for (const pair of header.split(';')) {
    const end = pair.indexOf('=')
    if (end !== -1 && pair.slice(0, end).trim() === name) values.add(unquoted(pair.slice(end + 1).trim()))
  }
  return [...values]
}

const NONE: readonly string[] = []

/** A value can be in quotation marks (RFC 6265, 4.1.1). */
function unquoted(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}
