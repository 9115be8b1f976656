import { isIP } from 'node:net'
import { issuerOf } from './derived-values.js'
import { readPostgresUrl } from './postgres-url.js'
import type { Reading, SettingName, Values } from './read-settings.js'
import { readRedisUrl } from './redis-url.js'

interface Rule {
  /** The settings it compares. The rule is skipped if one of them is invalid itself. */
  settings: readonly SettingName[]
  isBroken(values: Values): boolean
  problem: string
}

/** Rules that involve more than one setting. */
const rules: readonly Rule[] = [
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
  {
    settings: ['REDIS_CLUSTER', 'REDIS_URL'],
    isBroken: v => v.REDIS_CLUSTER && v.REDIS_URL !== undefined && readRedisUrl(v.REDIS_URL).db !== 0,
    problem:
      'REDIS_URL contains a database number, but a Redis Cluster has none: remove the number, or unset REDIS_CLUSTER.',
  },
  {
    settings: ['REDIS_CLUSTER', 'REDIS_SENTINEL_MASTER', 'REDIS_URL'],
    isBroken: v =>
      !v.REDIS_CLUSTER &&
      v.REDIS_SENTINEL_MASTER === undefined &&
      v.REDIS_URL !== undefined &&
      readRedisUrl(v.REDIS_URL).places.length > 1,
    problem:
      'REDIS_URL contains several servers: set REDIS_CLUSTER=on if they are a Redis Cluster, set REDIS_SENTINEL_MASTER ' +
      'to the name of the master if they are Sentinels, or keep one server.',
  },
  ...sentinelRules(),
  ...(['DATABASE_URL', 'DATABASE_MIGRATION_URL'] as const).flatMap(certificateAuthorityRules),
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
]

/** @returns the error texts of the rules that the settings break */
export function brokenRules({ values, failed }: Reading): string[] {
  return rules
    .filter(rule => !rule.settings.some(name => failed.has(name)) && rule.isBroken(values))
    .map(rule => rule.problem)
}

/** The sslmode of a Postgres address must fit the file of the certificate authority. */
function certificateAuthorityRules(name: 'DATABASE_URL' | 'DATABASE_MIGRATION_URL'): Rule[] {
  const hasMode = (values: Values, sslmode: string) =>
    values[name] !== undefined && readPostgresUrl(values[name]).sslmode === sslmode
  return [
    {
      settings: [name, 'DATABASE_CA_FILE'],
      isBroken: v => hasMode(v, 'disable') && v.DATABASE_CA_FILE !== undefined,
      problem: `${name} has sslmode=disable, but DATABASE_CA_FILE is set: remove one of them.`,
    },
    {
      settings: [name, 'DATABASE_CA_FILE'],
      isBroken: v => hasMode(v, 'verify-ca') && v.DATABASE_CA_FILE === undefined && !readPostgresUrl(v[name]!).caFile,
      problem: `${name} has sslmode=verify-ca without a certificate authority: set DATABASE_CA_FILE, or use verify-full.`,
    },
  ]
}

function sentinelRules(): Rule[] {
  const needsMaster = (['REDIS_SENTINEL_USERNAME', 'REDIS_SENTINEL_PASSWORD', 'REDIS_SENTINEL_TLS'] as const).map(
    (name): Rule => ({
      settings: [name, 'REDIS_SENTINEL_MASTER'],
      isBroken: v => v[name] !== undefined && v.REDIS_SENTINEL_MASTER === undefined,
      problem: `${name} is set without REDIS_SENTINEL_MASTER: set both, or unset ${name}.`,
    }),
  )
  return [
    ...needsMaster,
    {
      settings: ['REDIS_SENTINEL_USERNAME', 'REDIS_SENTINEL_PASSWORD'],
      isBroken: v => v.REDIS_SENTINEL_USERNAME !== undefined && v.REDIS_SENTINEL_PASSWORD === undefined,
      problem: 'REDIS_SENTINEL_USERNAME is set without REDIS_SENTINEL_PASSWORD: set both, or only the password.',
    },
    {
      settings: ['REDIS_SENTINEL_MASTER', 'REDIS_CLUSTER'],
      isBroken: v => v.REDIS_SENTINEL_MASTER !== undefined && v.REDIS_CLUSTER,
      problem: 'REDIS_SENTINEL_MASTER and REDIS_CLUSTER are both set, but a Redis Cluster has no Sentinels: unset one.',
    },
    {
      settings: ['REDIS_SENTINEL_MASTER', 'REDIS_URL'],
      isBroken: v =>
        v.REDIS_SENTINEL_MASTER !== undefined &&
        v.REDIS_URL !== undefined &&
        readRedisUrl(v.REDIS_URL).socket !== undefined,
      problem:
        'REDIS_URL is the address of a socket, but Sentinels have hosts: write redis://sentinel:26379, or unset ' +
        'REDIS_SENTINEL_MASTER.',
    },
  ]
}

function isWithin(path: string, parent: string): boolean {
  return `${path}/`.startsWith(parent.replace(/\/?$/, '/'))
}

function covers(domain: string, origin: string): boolean {
  const { hostname } = new URL(origin)
  if (hostname === domain) return true
  return domain.includes('.') && isIP(hostname) === 0 && hostname.endsWith(`.${domain}`)
}
