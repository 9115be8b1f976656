import { availableCores } from './available-cores.js'
import { chooseMode, type Mode } from './choose-mode.js'
import { cookieOptions } from './cookie-options.js'
import { brokenRules } from './cross-setting-rules.js'
import { publicOriginOf } from './public-origin.js'
import { readSettings } from './read-settings.js'
import type { SettingName, Values } from './settings.js'

export { type Choice, chooseMode, type Mode } from './choose-mode.js'

/** Everything an operator can set, read once at start, checked as a whole and then frozen. */
export interface Config {
  readonly nodeEnv: 'production' | 'development' | 'test'
  readonly host: string
  readonly port: number
  /** How long a connection stays open without a request. */
  readonly keepAliveTimeoutMs: number
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'

  /** Whose wire formats are spoken besides our own. */
  readonly dialects: readonly ('simple-jwt' | 'sessions')[]

  /** `external` runs on the operator's Postgres and Redis, `embedded` on its own Postgres and this process's memory. */
  readonly mode: Mode
  /** The folder of the embedded mode: its Postgres and its generated secrets. */
  readonly dataDir: string
  readonly database: {
    /** Undefined in embedded mode. */
    readonly url: string | undefined
    /** Migrations may run as another role than the service does. */
    readonly migrationUrl: string | undefined
    readonly poolSize: number
    /** Off behind a pooler in transaction mode. */
    readonly prepare: boolean
    readonly caFile: string | undefined
    readonly timeoutMs: number
    readonly migrateOnStart: boolean
  }
  readonly redis: {
    readonly url: string | undefined
    readonly caFile: string | undefined
    readonly cluster: boolean
    /** Undefined unless the address is one of Sentinels. */
    readonly sentinel:
      | {
          /** The name under which they watch the master. */
          readonly master: string
          readonly username: string | undefined
          readonly password: string | undefined
          /** Undefined if they are reached as Redis itself is. */
          readonly tls: boolean | undefined
        }
      | undefined
    readonly keyPrefix: string
  }

  /** Newest first: the first makes, all verify. Each at least 32 bytes. */
  readonly jwtSecrets: readonly string[]
  readonly refreshSecrets: readonly string[]

  readonly issuer: string
  readonly audience: string
  readonly algorithm: 'ES256' | 'EdDSA' | 'RS256'
  readonly accessTokenTtlSeconds: number
  readonly keyRotationIntervalSeconds: number

  /** The sliding lifetime of a refresh token, and so of an idle session. */
  readonly refreshTokenTtlSeconds: number
  /** The absolute lifetime of a session. */
  readonly sessionMaxAgeSeconds: number
  /** The same for a session that the browser shall forget. */
  readonly sessionShortMaxAgeSeconds: number
  readonly maxSessionsPerUser: number
  /** Who goes when there are more: the oldest session, or the one that is just signing in. */
  readonly maxSessionsPolicy: 'evict' | 'deny'
  /** The path of a file that tells where addresses are; undefined if nobody needs to know. */
  readonly locationDatabase: string | undefined
  readonly refresh: {
    readonly minAgeSeconds: number
    readonly leewaySeconds: number
    readonly settleSeconds: number
  }
  /** For how long the list of revocations may be out of touch. */
  readonly revocationMaxStalenessSeconds: number
  readonly logoutScope: 'session' | 'others' | 'all'
  readonly registration: 'open' | 'closed'

  readonly publicOrigin: string
  /** The path before every address there; empty, or with a slash at its beginning and none at its end. */
  readonly publicPath: string
  /** Both: what comes before every address of ours. */
  readonly publicUrl: string
  readonly corsOrigins: readonly string[]
  /** Headers that pages of these origins may send besides the usual ones. */
  readonly corsHeaders: readonly string[]
  /** How a gateway's question for a CORS preflight is known, which is let through; `off` lets none through. */
  readonly verifyPreflights: 'off' | 'method' | 'forwarded'
  /** CIDRs of the proxies whose X-Forwarded-For counts. */
  readonly trustProxy: readonly string[]
  readonly cookie: {
    readonly name: string
    readonly accessName: string
    readonly deviceName: string
    readonly ticketName: string
    readonly domain: string | undefined
    readonly path: string
    readonly sameSite: 'strict' | 'lax' | 'none'
    readonly secure: boolean
    /** Whether the access token is set as a cookie too, for server-rendered pages. */
    readonly access: boolean
  }

  readonly passwordMinLength: number
  readonly passwordResetTtlSeconds: number
  readonly hash: {
    /** Password hashes at a time. */
    readonly concurrency: number
    /** Logins that may wait for one. */
    readonly queue: number
  }
  readonly rateLimit: {
    readonly enabled: boolean
    readonly perAddressPerMinute: number
    readonly failuresPerAccountPerMinute: number
  }
  /** How long after it came a failed sign-in is answered; 0 answers it when its work is done. */
  readonly signInFailureDelayMs: number
  readonly lockout: {
    /** Consecutive failures after which only known browsers may sign in; 0 turns it off. */
    readonly failures: number
    /** For how long a browser that signed in is known. */
    readonly deviceMaxAgeSeconds: number
  }
  readonly eventRetentionSeconds: number
  /** How long a stopping instance tells the gateway so before it stops listening. */
  readonly shutdownDelayMs: number
}

/** All that is wrong with the configuration at once; every problem names its variable and the fix, and no secret. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    const heading =
      problems.length === 1 ? 'The configuration has a mistake' : `The configuration has ${problems.length} mistakes`
    super([`${heading} (docs/configuration.md describes every setting):`, ...problems].join('\n  - '))
    this.name = 'ConfigError'
    this.problems = Object.freeze([...problems])
  }
}

/** What the embedded mode does not look at: it brings stores of its own. */
const externalOnly: ReadonlySet<SettingName> = new Set([
  'DATABASE_URL',
  'DATABASE_MIGRATION_URL',
  'DATABASE_CA_FILE',
  'REDIS_URL',
  'REDIS_CA_FILE',
  'REDIS_CLUSTER',
  'REDIS_SENTINEL_MASTER',
  'REDIS_SENTINEL_USERNAME',
  'REDIS_SENTINEL_PASSWORD',
  'REDIS_SENTINEL_TLS',
])

/**
 * Reads the configuration from the environment and checks it as a whole. Both secrets are required in either mode; in
 * embedded mode the caller adds those it generated to `env`.
 *
 * @param options.embedded whether `--embedded` was given: the embedded mode even if addresses of stores are set
 * @throws ConfigError with every mistake there is
 */
export function readConfig(env: NodeJS.ProcessEnv, options: { embedded?: boolean } = {}): Config {
  const { mode, problems } = chooseMode(env, options)
  const reading = readSettings(env, mode === 'embedded' ? externalOnly : new Set())
  const all = [...problems, ...reading.problems, ...brokenRules(reading)]
  if (all.length > 0) throw new ConfigError(all)
  return deepFreeze(toConfig(reading.values, mode, Boolean(env.KUBERNETES_SERVICE_HOST)))
}

function toConfig(values: Values, mode: Mode, isKubernetes: boolean): Config {
  const publicOrigin = publicOriginOf(values)
  const publicUrl = publicOrigin + values.PUBLIC_PATH
  const issuer = values.JWT_ISSUER ?? publicUrl
  return {
    nodeEnv: values.NODE_ENV,
    host: values.HOST ?? (values.NODE_ENV === 'production' ? '0.0.0.0' : '127.0.0.1'),
    port: values.PORT,
    keepAliveTimeoutMs: values.KEEP_ALIVE_TIMEOUT,
    logLevel: values.LOG_LEVEL,
    dialects: values.DIALECTS,
    mode,
    dataDir: values.DATA_DIR,
    database: {
      url: values.DATABASE_URL,
      migrationUrl: values.DATABASE_MIGRATION_URL ?? values.DATABASE_URL,
      poolSize: values.DATABASE_POOL_SIZE,
      prepare: values.DATABASE_PREPARE,
      caFile: values.DATABASE_CA_FILE,
      timeoutMs: values.DATABASE_TIMEOUT,
      migrateOnStart: values.MIGRATE_ON_START,
    },
    redis: {
      url: values.REDIS_URL,
      caFile: values.REDIS_CA_FILE,
      cluster: values.REDIS_CLUSTER,
      sentinel: sentinelOf(values),
      keyPrefix: values.REDIS_KEY_PREFIX,
    },
    jwtSecrets: values.JWT_SECRET,
    refreshSecrets: values.JWT_REFRESH_SECRET,
    issuer,
    audience: values.JWT_AUDIENCE ?? issuer,
    algorithm: values.JWT_ALGORITHM,
    accessTokenTtlSeconds: values.JWT_EXPIRES_IN,
    keyRotationIntervalSeconds: values.KEY_ROTATION_INTERVAL,
    refreshTokenTtlSeconds: values.JWT_REFRESH_EXPIRES_IN,
    sessionMaxAgeSeconds: values.SESSION_MAX_AGE,
    sessionShortMaxAgeSeconds: values.SESSION_SHORT_MAX_AGE,
    maxSessionsPerUser: values.MAX_SESSIONS_PER_USER,
    maxSessionsPolicy: values.MAX_SESSIONS_POLICY,
    locationDatabase: values.LOCATION_DATABASE,
    refresh: {
      minAgeSeconds: values.REFRESH_MIN_AGE,
      leewaySeconds: values.REFRESH_LEEWAY,
      settleSeconds: values.REFRESH_SETTLE,
    },
    revocationMaxStalenessSeconds: values.REVOCATION_MAX_STALENESS,
    logoutScope: values.LOGOUT_SCOPE,
    registration: values.REGISTRATION,
    publicOrigin,
    publicPath: values.PUBLIC_PATH,
    publicUrl,
    corsOrigins: values.CORS_ORIGINS ?? [],
    corsHeaders: values.CORS_HEADERS ?? [],
    verifyPreflights: values.VERIFY_PREFLIGHTS,
    trustProxy: (values.TRUST_PROXY ?? []).flat(),
    cookie: cookieOptions(values),
    passwordMinLength: values.PASSWORD_MIN_LENGTH,
    passwordResetTtlSeconds: values.PASSWORD_RESET_EXPIRES_IN,
    hash: { concurrency: values.HASH_CONCURRENCY ?? availableCores(), queue: values.HASH_QUEUE },
    rateLimit: {
      enabled: values.RATE_LIMIT,
      perAddressPerMinute: values.RATE_LIMIT_PER_ADDRESS,
      failuresPerAccountPerMinute: values.RATE_LIMIT_FAILURES_PER_ACCOUNT,
    },
    signInFailureDelayMs: values.SIGN_IN_FAILURE_DELAY,
    lockout: { failures: values.LOCKOUT_FAILURES, deviceMaxAgeSeconds: values.DEVICE_COOKIE_MAX_AGE },
    eventRetentionSeconds: values.EVENT_RETENTION,
    shutdownDelayMs: values.SHUTDOWN_DELAY ?? (isKubernetes ? 5000 : 1000),
  }
}

function sentinelOf(values: Values): Config['redis']['sentinel'] {
  const { REDIS_SENTINEL_MASTER: master, REDIS_SENTINEL_USERNAME, REDIS_SENTINEL_PASSWORD, REDIS_SENTINEL_TLS } = values
  if (master === undefined) return undefined
  return { master, username: REDIS_SENTINEL_USERNAME, password: REDIS_SENTINEL_PASSWORD, tls: REDIS_SENTINEL_TLS }
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) deepFreeze(part)
  }
  return Object.freeze(value)
}
