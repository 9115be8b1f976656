import type { Config } from '../config/config.js'
import { isLoopback } from '../config/warnings.js'

/**
 * What is wrong with the origin of a page, and the setting that allows it. Undefined if the request has no origin, or our
 * own: then the origin is not why it is refused.
 */
export function originAdvice(
  { origin, host }: { origin?: string | undefined; host?: string | undefined },
  publicOrigin: string,
): string | undefined {
  if (origin === undefined || origin === publicOrigin) return undefined
  if (!isOfBrowser(origin))
    return 'The page has no origin that CORS_ORIGINS could contain: it is a file or in a sandboxed frame. Serve it over http.'
  const page = new URL(origin)
  const { hostname } = new URL(publicOrigin)
  if (page.host === host)
    return (
      `The page is at ${origin}, but PUBLIC_ORIGIN is ${publicOrigin}. If ${origin} is the address of this service, set ` +
      `PUBLIC_ORIGIN=${origin}; otherwise open the page at ${publicOrigin}.`
    )
  // For browsers, localhost and 127.0.0.1 are two sites.
  if (page.hostname !== hostname && isLoopback(page.hostname) && isLoopback(hostname)) {
    page.hostname = hostname
    return (
      `The page is at ${origin}, which is not in CORS_ORIGINS, and from which browsers do not send the cookies of ` +
      `${publicOrigin}. Open it at ${page.origin}, and set CORS_ORIGINS=${page.origin}: see docs/front-end.md.`
    )
  }
  return (
    `The page is at ${origin}, which is not in CORS_ORIGINS. If the page is yours, set CORS_ORIGINS=${origin} and ` +
    'restart Latchkey, or let the server of the page forward its requests to Latchkey: see docs/front-end.md.'
  )
}

/**
 * Why a browser did not send the refresh cookie, for the developer of a page whose origin is allowed. Undefined in
 * production, and if the page is on the site of this service.
 */
export function missingCookieAdvice(
  { origin, 'sec-fetch-site': site }: { origin?: string | undefined; 'sec-fetch-site'?: string | string[] | undefined },
  { publicOrigin, nodeEnv, cookie }: Pick<Config, 'publicOrigin' | 'nodeEnv' | 'cookie'>,
): string | undefined {
  const isExplained = nodeEnv !== 'production' && cookie.sameSite !== 'none'
  if (!isExplained || site !== 'cross-site' || origin === undefined || !isOfBrowser(origin)) return undefined
  return (
    `The page at ${origin} and the address that it calls are two sites for a browser, which therefore sent no cookie. ` +
    `Call ${publicOrigin}, and open the page with the same host name: see docs/front-end.md.`
  )
}

/**
 * An origin as browsers send it: in lower case, and no label of the host longer than in DNS. Anything else in this header
 * was not written by a browser and could be a secret, so it is neither logged nor sent back.
 */
const BROWSERS_ORIGIN = /^[a-z][a-z0-9+.-]{0,31}:\/\/(?!.*[^.:]{64})[a-z0-9._:[\]-]{1,260}$/
/** Checked first: the pattern takes long for a header of 30 KB. */
const ORIGIN_MAX_LENGTH = 300

function isOfBrowser(origin: string): boolean {
  return origin.length <= ORIGIN_MAX_LENGTH && BROWSERS_ORIGIN.test(origin) && URL.canParse(origin)
}
