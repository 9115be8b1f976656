/**
 * The cookies of Latchkey in a request: the refresh token under its name and in its slots, the ticket, and the access
 * token, so that Latchkey can clear what is left of earlier settings. The cookies of other services stay here.
 *
 * @param header the header Cookie; HTTP/2 can split it
 * @param name of the refresh cookie
 */
export function ownCookies(header: string | readonly string[] | undefined, name: string): string {
  const pairs = [header ?? []].flat().flatMap(part => part.split(';'))
  return pairs
    .map(pair => pair.trim())
    .filter(pair => isOwn(nameOf(pair), name))
    .join('; ')
}

/** Whether there is a refresh token among the cookies. */
export function carriesOwnCookie(cookies: string, name: string): boolean {
  return cookies.split('; ').some(pair => isOfToken(nameOf(pair), name) && pair.length > nameOf(pair).length + 1)
}

/** Whether a header Set-Cookie is one of Latchkey's own, not of a proxy before it. */
export function isOwnSetCookie(setCookie: string, name: string): boolean {
  const set = nameOf(setCookie.split(';', 1)[0]!)
  return isOwn(set, name) || set === `${name}-device`
}

function isOwn(cookie: string, name: string): boolean {
  return isOfToken(cookie, name) || cookie === `${name}-ticket` || cookie === `${name}-at`
}

function isOfToken(cookie: string, name: string): boolean {
  return cookie === name || (cookie.startsWith(`${name}-`) && /^[0-9a-f]{3}$/.test(cookie.slice(name.length + 1)))
}

function nameOf(pair: string): string {
  const end = pair.indexOf('=')
  return end === -1 ? '' : pair.slice(0, end).trim()
}
