/**
 * The header Cookie that a browser would send next, after an answer with these headers Set-Cookie. For the parts of a
 * page that are rendered in the same request as the renewal: they read the cookies of the request. Domain and path are
 * not compared, because the answer goes to the page that sent the cookies.
 *
 * @param header the header Cookie of the request
 */
export function cookiesAfter(header: string | null | undefined, setCookies: readonly string[]): string {
  const pairs = new Map<string, string>()
  for (const pair of (header ?? '').split(';')) {
    const [name, value] = split(pair)
    if (name !== '' && !pairs.has(name)) pairs.set(name, value)
  }
  // First all that are cleared: the same name can be cleared in one scope and set in another.
  const changes = setCookies.map(setCookie => ({
    pair: split(setCookie.split(';', 1)[0]!),
    isCleared: clears(setCookie),
  }))
  for (const { pair, isCleared } of changes) if (isCleared) pairs.delete(pair[0])
  for (const { pair, isCleared } of changes) if (!isCleared && pair[0] !== '') pairs.set(...pair)
  return [...pairs].map(([name, value]) => `${name}=${value}`).join('; ')
}

function split(pair: string): [name: string, value: string] {
  const end = pair.indexOf('=')
  return end === -1 ? ['', ''] : [pair.slice(0, end).trim(), pair.slice(end + 1).trim()]
}

/** Max-Age comes before Expires (RFC 6265, 5.3). */
function clears(setCookie: string): boolean {
  const maxAge = /;\s*max-age=(-?\d+)/i.exec(setCookie)?.[1]
  if (maxAge !== undefined) return Number(maxAge) <= 0
  const expires = /;\s*expires=([^;]+)/i.exec(setCookie)?.[1]
  return expires !== undefined && Date.parse(expires) <= Date.now()
}
