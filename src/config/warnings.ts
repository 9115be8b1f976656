import { isIP } from 'node:net'
import type { Config } from './config.js'
import { settings } from './settings.js'

/**
 * What is allowed but unwise, for the log at start.
 *
 * @param env names variables in it that look like misspelled settings
 */
export function configWarnings(config: Config, env: NodeJS.ProcessEnv = {}): readonly string[] {
  const warnings = browserWarnings(config)
  if (config.nodeEnv === 'production') {
    if (!config.rateLimit.enabled) warnings.push('RATE_LIMIT is off in production: nothing slows guessing down.')
    if (config.signInFailureDelayMs === 0)
      warnings.push('SIGN_IN_FAILURE_DELAY is 0 in production: the time of an answer tells which accounts exist.')
  }
  if (config.trustProxy.some(cidr => cidr.endsWith('/0'))) {
    warnings.push('TRUST_PROXY covers every address: any client can choose the address it is seen under.')
  }
  return [...warnings, ...misspelledSettings(env)]
}

/** What a browser will not do with these settings although the service starts with them. */
function browserWarnings({ nodeEnv, publicOrigin, corsOrigins, cookie }: Config): string[] {
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

/** Only these beginnings: of others, such as REDIS_ or DATABASE_, the environment of a cluster holds many of its own. */
const ours = /^(JWT|REFRESH|COOKIE|CORS|RATE_LIMIT)_/

/** A warning for each variable that looks like a setting and is none, so that a slip does not pass in silence. */
function misspelledSettings(env: NodeJS.ProcessEnv): string[] {
  return Object.keys(env)
    .filter(name => ours.test(name) && !Object.hasOwn(settings, name.replace(/_FILE$/, '')))
    .map(name => `${name} is not a setting and has no effect: look up its name in docs/configuration.md.`)
}
