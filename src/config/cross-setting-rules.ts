import { isIP } from 'node:net'
import { issuerOf } from './derived-values.js'
import type { Reading } from './read-settings.js'
import { type Rule, storeRules } from './store-rules.js'

/** Rules that involve more than one setting. */
const rules: readonly Rule[] = [
  {
    settings: ['SMTP_URL', 'MAIL_FROM'],
    isBroken: v => v.SMTP_URL !== undefined && v.MAIL_FROM === undefined,
    problem:
      'SMTP_URL needs MAIL_FROM, the sender of letters: set it, for example to "Example <no-reply@example.com>".',
  },
  {
    settings: ['METRICS_PORT', 'PORT'],
    isBroken: v => v.METRICS_PORT === v.PORT,
    problem: 'METRICS_PORT must not be PORT, which everybody can reach: set METRICS_PORT to another port.',
  },
  {
    settings: ['JWT_SECRET', 'JWT_REFRESH_SECRET'],
    isBroken: v => v.JWT_SECRET.some(secret => v.JWT_REFRESH_SECRET.includes(secret)),
    problem:
      'JWT_SECRET and JWT_REFRESH_SECRET contain the same secret: create one for each ("openssl rand -base64 48").',
  },
  {
    settings: ['JWT_REFRESH_EXPIRES_IN', 'JWT_EXPIRES_IN'],
    isBroken: v => v.JWT_REFRESH_EXPIRES_IN <= v.JWT_EXPIRES_IN,
    problem: 'JWT_REFRESH_EXPIRES_IN must be longer than JWT_EXPIRES_IN: raise it, or lower JWT_EXPIRES_IN.',
  },
  {
    settings: ['JWT_REFRESH_EXPIRES_IN', 'REFRESH_MIN_AGE'],
    isBroken: v => v.JWT_REFRESH_EXPIRES_IN <= v.REFRESH_MIN_AGE,
    problem: 'JWT_REFRESH_EXPIRES_IN must be longer than REFRESH_MIN_AGE: raise it, or lower REFRESH_MIN_AGE.',
  },
  {
    settings: ['SESSION_MAX_AGE', 'JWT_REFRESH_EXPIRES_IN'],
    isBroken: v => v.SESSION_MAX_AGE < v.JWT_REFRESH_EXPIRES_IN,
    problem: 'SESSION_MAX_AGE must be at least JWT_REFRESH_EXPIRES_IN: raise it, or lower JWT_REFRESH_EXPIRES_IN.',
  },
  {
    settings: ['REFRESH_MIN_AGE', 'REFRESH_LEEWAY'],
    isBroken: v => v.REFRESH_MIN_AGE <= v.REFRESH_LEEWAY && v.REFRESH_MIN_AGE + v.REFRESH_LEEWAY > 0,
    problem:
      'REFRESH_MIN_AGE must be longer than REFRESH_LEEWAY, or both must be 0s: raise it, or lower REFRESH_LEEWAY.',
  },
  ...storeRules,
  {
    settings: ['COOKIE_INSECURE', 'NODE_ENV'],
    isBroken: v => v.COOKIE_INSECURE && v.NODE_ENV === 'production',
    problem: 'COOKIE_INSECURE is not allowed in production: unset it and serve Latchkey over https.',
  },
  {
    settings: ['COOKIE_SAMESITE', 'COOKIE_INSECURE'],
    isBroken: v => v.COOKIE_SAMESITE === 'none' && v.COOKIE_INSECURE,
    problem:
      'COOKIE_SAMESITE=none needs secure cookies: unset COOKIE_INSECURE, or set COOKIE_SAMESITE to lax or strict.',
  },
  {
    settings: ['COOKIE_SAMESITE', 'CORS_ORIGINS', 'PUBLIC_ORIGIN'],
    isBroken: v => v.COOKIE_SAMESITE === 'none' && v.CORS_ORIGINS.every(origin => origin === v.PUBLIC_ORIGIN),
    problem:
      'COOKIE_SAMESITE=none is for pages on another site, but CORS_ORIGINS contains none: list their origins in ' +
      'CORS_ORIGINS, or set COOKIE_SAMESITE to lax or strict.',
  },
  {
    // Otherwise a verifier that checks the audience could not distinguish a client's token from a user's.
    settings: ['JWT_AUDIENCE', 'JWT_ISSUER', 'PUBLIC_ORIGIN', 'PUBLIC_PATH', 'PORT'],
    isBroken: v => v.JWT_AUDIENCE !== undefined && v.JWT_AUDIENCE === `${issuerOf(v)}/clients`,
    problem:
      "JWT_AUDIENCE is the audience of clients' own tokens (the issuer followed by /clients): set it to another value.",
  },
  {
    settings: ['REGISTRATION_HOOK_URL', 'REGISTRATION_HOOK_SECRET'],
    isBroken: v => v.REGISTRATION_HOOK_URL !== undefined && v.REGISTRATION_HOOK_SECRET === undefined,
    problem:
      'REGISTRATION_HOOK_URL needs REGISTRATION_HOOK_SECRET, by which your server knows that Latchkey asks: create one ' +
      'with "echo whsec_$(openssl rand -base64 32)".',
  },
  {
    settings: ['COOKIE_DOMAIN', 'PUBLIC_ORIGIN'],
    isBroken: v =>
      v.COOKIE_DOMAIN !== undefined && v.PUBLIC_ORIGIN !== undefined && !covers(v.COOKIE_DOMAIN, v.PUBLIC_ORIGIN),
    problem:
      'COOKIE_DOMAIN must be the host of PUBLIC_ORIGIN or a parent of it, but not a top-level domain or a part of an ' +
      'IP address: browsers reject such a cookie.',
  },
  {
    settings: ['COOKIE_PATH', 'PUBLIC_PATH'],
    isBroken: v => !isWithin(v.COOKIE_PATH, v.PUBLIC_PATH) && !isWithin(v.PUBLIC_PATH, v.COOKIE_PATH),
    problem:
      'COOKIE_PATH is outside PUBLIC_PATH, so browsers would never send the cookies to Latchkey: begin it with ' +
      'PUBLIC_PATH, or set it to /.',
  },
  {
    // Otherwise a gateway that does not strip PUBLIC_PATH and one that does would need different addresses.
    settings: ['ENVELOPE_PREFIX', 'PUBLIC_PATH', 'DIALECTS'],
    isBroken: v =>
      v.DIALECTS.includes('envelope') && v.PUBLIC_PATH !== '' && isWithin(v.ENVELOPE_PREFIX, v.PUBLIC_PATH),
    problem:
      'ENVELOPE_PREFIX begins with PUBLIC_PATH, which comes before all paths of Latchkey: leave PUBLIC_PATH out of ' +
      'ENVELOPE_PREFIX.',
  },
]

/** @returns the error texts of the rules that the settings break */
export function brokenRules({ values, failed }: Reading): string[] {
  return rules
    .filter(rule => !rule.settings.some(name => failed.has(name)) && rule.isBroken(values))
    .map(rule => rule.problem)
}

function isWithin(path: string, parent: string): boolean {
  return `${path}/`.startsWith(parent.replace(/\/?$/, '/'))
}

function covers(domain: string, origin: string): boolean {
  const { hostname } = new URL(origin)
  if (hostname === domain) return true
  return domain.includes('.') && isIP(hostname) === 0 && hostname.endsWith(`.${domain}`)
}
