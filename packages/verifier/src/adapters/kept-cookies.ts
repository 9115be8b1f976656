import { validateHeaderValue } from 'node:http'
import { isForCaches } from './answer-headers.js'

/** The part of an answer of `node:http` or `node:http2` that is used. */
interface Head {
  readonly headersSent: boolean
  getHeader(name: string): unknown
  getHeaderNames(): string[]
  setHeader(name: string, value: string | string[]): unknown
  removeHeader(name: string): void
  writeHead(status: number, ...rest: unknown[]): unknown
}

const keptOf = new WeakMap<object, string[]>()

/**
 * Makes sure that an answer is sent with these cookies and with `Cache-Control: no-store`, whatever the handler does to
 * its headers before. The handler's own cookies stay. They come after the others, so that a browser which gets the same
 * cookie twice, for example because the handler signs the user out, keeps the handler's.
 *
 * @throws TypeError if no header can contain a cookie
 */
export function keepCookies(answer: object, setCookies: readonly string[]): void {
  const response = answer as Head
  if (setCookies.length === 0 || response.headersSent) return
  // Not when the head is written, because an error handler could not write its own then.
  for (const setCookie of setCookies) validateHeaderValue('set-cookie', setCookie)
  const known = keptOf.get(response)
  if (known) {
    known.push(...setCookies)
    return
  }
  const kept = [...setCookies]
  keptOf.set(response, kept)
  const writeHead = response.writeHead
  // Node itself calls this method when the head is sent because of the first byte, `end` or `flushHeaders`.
  response.writeHead = function (this: Head, status, ...rest) {
    if (this.headersSent) return writeHead.call(this, status, ...rest)
    const reason = typeof rest[0] === 'string' ? [rest[0]] : []
    const sent = pairsOf(typeof rest[0] === 'string' ? rest[1] : (rest[1] ?? rest[0]))
    // As in Node, what is given here replaces what was set before.
    const given = sent.filter(([name]) => isNamed(name, 'set-cookie')).flatMap(([, value]) => value as string)
    const others =
      given.length > 0 ? given : [(this.getHeader('set-cookie') as string | string[] | undefined) ?? []].flat()
    const all = [...kept.filter(setCookie => !others.includes(setCookie)), ...others]
    for (const name of this.getHeaderNames()) if (isForCaches(name)) this.removeHeader(name)
    this.setHeader('set-cookie', all.length === 1 ? all[0]! : all)
    this.setHeader('cache-control', 'no-store')
    const left = sent.filter(([name]) => !isNamed(name, 'set-cookie') && !isForCaches(name))
    return writeHead.call(this, status, ...reason, ...headersOf(left))
  }
}

type Pair = readonly [name: string, value: unknown]

/** The forms that `writeHead` accepts: an object, a list of names and values, a list of pairs. */
function pairsOf(headers: unknown): readonly Pair[] {
  if (!Array.isArray(headers)) return Object.entries(headers ?? {})
  if (Array.isArray(headers[0])) return headers as Pair[]
  return Array.from({ length: Math.ceil(headers.length / 2) }, (_, index) => [
    headers[index * 2] as string,
    headers[index * 2 + 1],
  ])
}

/** An object, which every version of Node merges with the headers that were set. */
function headersOf(pairs: readonly Pair[]): [Record<string, unknown>?] {
  if (pairs.length === 0) return []
  const merged: Record<string, unknown> = Object.create(null)
  const nameOf = new Map<string, string>()
  for (const [name, value] of pairs) {
    const known = nameOf.get(name.toLowerCase())
    if (known === undefined) nameOf.set(name.toLowerCase(), name)
    merged[known ?? name] = known === undefined ? value : [merged[known], value].flat()
  }
  return [merged]
}

function isNamed(name: string, wanted: string): boolean {
  return name.toLowerCase() === wanted
}
