import { isIP } from 'node:net'

/** The part of the configuration that browsers act on. */
export interface BrowserConfig {
  nodeEnv: string
  publicOrigin: string
  corsOrigins: readonly string[]
  cookie: { sameSite: 'strict' | 'lax' | 'none'; secure: boolean }
}

/** What a browser will not do with these settings although the service starts with them. */
export function browserWarnings({ nodeEnv, publicOrigin, corsOrigins, cookie }: BrowserConfig): string[] {
  const isProduction = nodeEnv === 'production'
  const { protocol, hostname } = new URL(publicOrigin)
  const warnings: string[] = []
  if (isProduction && isLoopback(hostname)) {
    warnings.push('PUBLIC_ORIGIN is on localhost in production: set it to the address that browsers and verifiers use.')
  } else if (protocol === 'http:' && cookie.secure && !isLoopback(hostname)) {
    const fix = isProduction ? 'use https' : 'use https, or COOKIE_INSECURE=on'
    warnings.push(`PUBLIC_ORIGIN is plain http: browsers will not keep the cookies; ${fix}.`)
  }

  const open = isProduction && corsOrigins.find(origin => /^http:/.test(origin) && !isLoopback(hostOf(origin)))
  if (open) {
    warnings.push(
      `CORS_ORIGINS names ${open}, which is plain http: anyone who can change that page on its way acts as its user; ` +
        'serve it by https.',
    )
  }
  const foreign = cookie.sameSite !== 'none' && corsOrigins.find(origin => isSurelyAnotherSite(origin, publicOrigin))
  if (foreign) {
    warnings.push(
      `COOKIE_SAMESITE is ${cookie.sameSite}, and CORS_ORIGINS names ${foreign}, which is on another site: browsers will ` +
        'not send the cookies from its pages; set COOKIE_SAMESITE=none, unless they keep the refresh token themselves.',
    )
  }
  return warnings
}

/** Browsers keep `Secure` cookies of these hosts by plain http too. */
function isLoopback(hostname: string): boolean {
  return /^(.+\.)?localhost$|^127\.|^\[::1\]$/.test(hostname)
}

/**
 * Whether a browser takes two origins for different sites, as far as that can be told without the list of domains under
 * which anybody may register: names whose last two parts differ have no registered domain in common.
 */
function isSurelyAnotherSite(a: string, b: string): boolean {
  const [one, other] = [hostOf(a), hostOf(b)]
  if (!/^https?:/.test(a)) return true
  if (one === other) return false
  const isAddress = isIP(one) !== 0 || isIP(other) !== 0
  return isAddress || lastTwoParts(one) !== lastTwoParts(other)
}

function lastTwoParts(hostname: string): string {
  return hostname.split('.').slice(-2).join('.')
}

function hostOf(origin: string): string {
  return new URL(origin).hostname
}
