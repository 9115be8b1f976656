import { isIP } from 'node:net'
import type { Config } from './config.js'
import { isQuoted, isSet, settings } from './read-settings.js'

/**
 * Warns at start of settings that are allowed but risky.
 *
 * @param env is searched for variables that look like misspelled settings
 */
export function configWarnings(config: Config, env: NodeJS.ProcessEnv = {}): readonly string[] {
  const warnings = browserWarnings(config)
  if (config.nodeEnv === 'production') {
    if (!config.rateLimit.enabled)
      warnings.push(
        'RATE_LIMIT is off in production, so the number of password guesses per minute is not limited: set it to on.',
      )
    if (config.signInFailureDelayMs === 0)
      warnings.push('SIGN_IN_FAILURE_DELAY is 0 in production, so response times show which accounts exist: unset it.')
    if (config.defaultTransport === 'body')
      warnings.push(
        'DEFAULT_TRANSPORT is body in production, so scripts in a page can read the refresh token of a browser that does ' +
          'not send "transport": "cookie": unset it, unless all your clients are apps or servers.',
      )
  }
  if (config.trustProxy.some(cidr => cidr.endsWith('/0'))) {
    warnings.push(
      'TRUST_PROXY covers every address, so any client can choose its address: set it to the networks of your proxies.',
    )
  }
  if (!config.dialects.includes('envelope')) {
    const unused = ['ENVELOPE_PREFIX', 'ENVELOPE_CASE'].find(name => isSet(env, name))
    if (unused) warnings.push(`${unused} has no effect, because DIALECTS does not contain envelope: add it there.`)
  }
  return [...warnings, ...quotedSecrets(env), ...misspelledSettings(env)]
}

/** Settings with which the service starts, but browsers do not work. */
function browserWarnings({ nodeEnv, publicOrigin, corsOrigins, cookie }: Config): string[] {
  const isProduction = nodeEnv === 'production'
  const { protocol, hostname } = new URL(publicOrigin)
  const warnings: string[] = []
  if (isProduction && isLoopback(hostname)) {
    warnings.push('PUBLIC_ORIGIN is on localhost in production: set it to the origin that browsers and verifiers use.')
  } else if (protocol === 'http:' && cookie.secure && !isLoopback(hostname)) {
    const fix = isProduction ? 'use https' : 'use https, or set COOKIE_INSECURE=on'
    warnings.push(`PUBLIC_ORIGIN is plain http, so browsers reject the cookies: ${fix}.`)
  }

  const open = isProduction && corsOrigins.find(origin => /^http:/.test(origin) && !isLoopback(hostOf(origin)))
  if (open) {
    warnings.push(
      `CORS_ORIGINS contains ${open}, which is plain http, so an attacker on the network can change its pages and ` +
        'act as the user: serve it over https.',
    )
  }
  const foreign = cookie.sameSite !== 'none' && corsOrigins.find(origin => isSurelyAnotherSite(origin, publicOrigin))
  if (foreign) {
    warnings.push(
      `COOKIE_SAMESITE is ${cookie.sameSite}, but CORS_ORIGINS contains ${foreign}, which is on another site, so ` +
        'browsers do not send the cookies from its pages: set COOKIE_SAMESITE=none, unless these pages store the refresh ' +
        'token themselves.',
    )
  }
  return warnings
}

/** Browsers accept `Secure` cookies from these hosts over plain http too. */
export function isLoopback(hostname: string): boolean {
  // All digits: `127.example.com` is a name that anyone can own.
  return /^(.+\.)?localhost$|^127(\.\d{1,3}){3}$|^\[::1\]$/.test(hostname)
}

/**
 * Whether browsers treat two origins as different sites, as far as this is certain without the Public Suffix List:
 * names whose last two labels differ have no registrable domain in common.
 */
function isSurelyAnotherSite(a: string, b: string): boolean {
  const [one, other] = [hostOf(a), hostOf(b)]
  if (!/^https?:/.test(a)) return true
  if (one === other) return false
  const isAddress = isIP(one) !== 0 || isIP(other) !== 0
  return isAddress || lastTwoLabels(one) !== lastTwoLabels(other)
}

function lastTwoLabels(hostname: string): string {
  return hostname.split('.').slice(-2).join('.')
}

function hostOf(origin: string): string {
  return new URL(origin).hostname
}

/** The other settings are refused if they are quoted. */
function quotedSecrets(env: NodeJS.ProcessEnv): string[] {
  return Object.values(settings)
    .filter(({ secret, variable }) => secret && isQuoted(env, variable))
    .map(
      ({ variable }) =>
        `${variable} is in quotation marks, and they are a part of the secret here (docker run --env-file keeps them): ` +
        'every instance must have them, or none.',
    )
}

/** Only these prefixes: with others, such as REDIS_ or DATABASE_, Kubernetes and other programs set variables too. */
const ownPrefixes = /^(JWT|REFRESH|COOKIE|CORS|RATE_LIMIT)_/

/** A warning for each variable that looks like a setting but is not one. */
function misspelledSettings(env: NodeJS.ProcessEnv): string[] {
  return Object.keys(env)
    .filter(name => ownPrefixes.test(name) && !Object.hasOwn(settings, name.replace(/_FILE$/, '')))
    .map(name => `${name} is not a setting and has no effect: find the correct name in docs/configuration.md.`)
}
