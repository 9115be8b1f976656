/**
 * The header Cookie without the cookies that only Latchkey may receive: the refresh token under its name and in its slots
 * (`-000` to `-fff`), its ticket and the mark of the device. The access cookie and those of other services stay.
 *
 * @param name of the refresh cookie
 * @returns the header itself if it has none of them
 */
export function withoutRefreshCookies(header: string, name: string): string {
  // Nearly always a request to a service has none.
  if (!header.includes(name)) return header
  const pairs = header.split(';')
  const others = pairs.filter(pair => !isForLatchkey(pair.split('=', 1)[0]!.trim(), name))
  return others.length === pairs.length ? header : others.join(';').trim()
}

function isForLatchkey(cookie: string, name: string): boolean {
  if (!cookie.startsWith(name)) return false
  return /^(?:|-[0-9a-f]{3}|-ticket|-device)$/.test(cookie.slice(name.length))
}
