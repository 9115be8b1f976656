import type { Cluster, Redis } from 'ioredis'
import { codeOf, isTlsError, messageOf } from '../lib/error-facts.js'
import type { Log } from '../lib/log.js'

/** Whether Redis is unavailable, read-only or did not answer in time, so that a retry soon makes sense. */
export function isRedisUnavailable({ name, message }: Error): boolean {
  return UNAVAILABLE_NAMES.has(name) || UNAVAILABLE_MESSAGES.some(start => message.startsWith(start))
}

const UNAVAILABLE_NAMES = new Set(['MaxRetriesPerRequestError', 'ClusterAllFailedError'])

/** The messages of ioredis when a client was closed, and when a command got no answer in time. */
export const CONNECTION_CLOSED = 'Connection is closed.'
export const COMMAND_TIMED_OUT = 'Command timed out'

/** The error of SELECT. */
const WITHOUT_DATABASE = /DB index is out of range/

/** ioredis and Redis distinguish these by their message only. */
const UNAVAILABLE_MESSAGES = [
  CONNECTION_CLOSED,
  COMMAND_TIMED_OUT,
  "Stream isn't writeable and",
  'LOADING ',
  'READONLY ',
  'MASTERDOWN ',
  'CLUSTERDOWN ',
]

/** Whether the server is no longer the master: after a failover a connection may still lead to the former master. */
export function isFormerMaster({ message }: Error): boolean {
  return /READONLY|MASTERDOWN/.test(message)
}

/** Whether a command was rejected because the key holds a value of another type. */
export function isWrongType(error: unknown): boolean {
  return messageOf(error).startsWith('WRONGTYPE')
}

/** Also of a command within a script, for which Redis has other words, and before 7.2 does not name the command. */
export function isDenied(error: unknown): boolean {
  return /^NOPERM|ACL failure|user executing the script/.test(messageOf(error))
}

/** Both are parts of sentences: "The Sentinel at … <is>. <fix>." */
export interface SentinelProblem {
  is: string
  fix: string
}

export function unknownMaster(master: string): SentinelProblem {
  return { is: `knows no master named ${JSON.stringify(master)}`, fix: 'Correct REDIS_SENTINEL_MASTER' }
}

/** Never repeats what was sent to a Sentinel, which may be a password. */
export function explainSentinelError(error: unknown, isTls: boolean): SentinelProblem {
  const message = messageOf(error)
  if (message.startsWith('NOAUTH')) return { is: 'requires a password', fix: 'Set REDIS_SENTINEL_PASSWORD' }
  if (message.startsWith('WRONGPASS')) {
    return {
      is: 'rejects the password',
      fix: 'Correct REDIS_SENTINEL_PASSWORD and REDIS_SENTINEL_USERNAME; those in REDIS_URL are for Redis itself',
    }
  }
  if (message.startsWith('NOPERM')) {
    return {
      is: 'denies its user the command "sentinel get-master-addr-by-name"',
      fix: 'Grant it the rights that docs/configuration.md lists under "Rights"',
    }
  }
  if (/^ERR unknown command/i.test(message)) {
    return {
      is: 'is a Redis server and not a Sentinel',
      fix: 'Name the Sentinels in REDIS_URL (their port is usually 26379), or unset REDIS_SENTINEL_MASTER',
    }
  }
  if (isTlsError(codeOf(error))) {
    return {
      is: `cannot be reached by TLS (${message})`,
      fix: 'Correct REDIS_CA_FILE, REDIS_URL or REDIS_SENTINEL_TLS',
    }
  }
  const tls = isTls
    ? ', or set REDIS_SENTINEL_TLS=off if it does not use TLS'
    : ', or set REDIS_SENTINEL_TLS=on if it requires TLS'
  const reason = message === COMMAND_TIMED_OUT ? 'no answer in time' : message
  return { is: `cannot be reached (${reason})`, fix: `Start it, or correct REDIS_URL${tls}` }
}

/** Whether Redis has no memory left, too few replicas, or cannot save: it answers, but takes no writes. */
export function isRefusedWrite(error: unknown): boolean {
  return /^(OOM|NOREPLICAS|MISCONF)\b|command not allowed when used memory|not enough good replicas/i.test(
    messageOf(error),
  )
}

const RECENT_MS = 60 * 1000

/** Remembers that Redis took no writes. */
export interface RefusedWrites {
  /** Whether that was within the last minute. */
  readonly isRecent: boolean
  /** Logs an error if it is such a refusal, at most once a minute. */
  report(error: unknown): void
}

/** @param now - milliseconds since the epoch */
export function createRefusedWrites(now: () => number, log?: Pick<Log, 'warn'>): RefusedWrites {
  let reportedAt = Number.NEGATIVE_INFINITY
  const isRecent = () => now() - reportedAt < RECENT_MS
  return {
    get isRecent() {
      return isRecent()
    },
    report(error) {
      if (!isRefusedWrite(error)) return
      if (!isRecent())
        log?.warn(
          `Redis takes no writes: ${messageOf(error)} Revocations need up to two seconds until that is corrected: give Redis ` +
            'more memory (maxmemory), its replicas, or space on its disk.',
        )
      reportedAt = now()
    },
  }
}

/** Reports commands and keys that the Redis user of this service is not allowed to use. */
export interface DeniedRights {
  /** Whether something that the service needs was denied within the last minute. */
  readonly isRecent: boolean
  /** Logs an error if it denies a right, once for each message. */
  report(error: unknown): void
  /** Does the same for a right that the service can work without. */
  reportOptional(error: unknown): void
}

/** @param now - milliseconds since the epoch */
export function createDeniedRights(now: () => number, log?: Pick<Log, 'warn'>): DeniedRights {
  const logged = new Set<string>()
  let reportedAt = Number.NEGATIVE_INFINITY

  function logOnce(error: unknown): void {
    const message = messageOf(error)
    if (logged.has(message)) return
    logged.add(message)
    log?.warn(
      `Redis denies this service a right: ${message}. ` +
        'Grant its user the rights that docs/configuration.md lists under "Rights".',
    )
  }

  return {
    get isRecent() {
      return now() - reportedAt < RECENT_MS
    },
    report(error) {
      if (!isDenied(error)) return
      reportedAt = now()
      logOnce(error)
    },
    reportOptional(error) {
      if (isDenied(error)) logOnce(error)
    },
  }
}

type AvailabilityLog = Pick<Log, 'info' | 'warn'> | undefined

/**
 * Logs when Redis becomes unavailable and available again, once each, and the problems of Sentinels. Without a listener
 * for errors ioredis would print each of them. Only the message is logged: the error contains the command, and so
 * perhaps the password.
 *
 * @param where - text after the reason, about the address
 */
export function logAvailability<R extends Redis | Cluster>(redis: R, log: AvailabilityLog, where = () => ''): R {
  let isUnavailable = false
  const onUnavailable = (reason: string) => {
    if (!isUnavailable) log?.warn(`Redis is unavailable: ${reason}${where()}${fixFor(reason)}`)
    isUnavailable = true
  }
  // The error of a cluster only counts the nodes; the last error of a node gives the reason.
  redis.on('error', (error: Error & { lastNodeError?: Error }) => onUnavailable((error.lastNodeError ?? error).message))
  redis.on('sentinelError', (error: Error) => log?.warn(error.message))
  redis.on('reconnecting', () => onUnavailable('the connection was closed'))
  redis.on('ready', () => {
    if (isUnavailable) log?.info('Redis is available again')
    isUnavailable = false
  })
  return redis
}

/** What an operator can correct in a setting. Every other reason says enough. */
function fixFor(reason: string): string {
  const [, fix] = FIXES.find(([pattern]) => pattern.test(reason)) ?? []
  return fix === undefined ? '' : `. ${fix}`
}

const FIXES: readonly [RegExp, string][] = [
  [/NOAUTH/, 'Redis requires a password: set it in REDIS_PASSWORD or in REDIS_URL.'],
  [/WRONGPASS/, 'Redis rejects the user or the password: correct REDIS_URL or REDIS_PASSWORD.'],
  [WITHOUT_DATABASE, 'Redis has no database with this number: correct the number at the end of REDIS_URL.'],
]

/**
 * Reconnects a client whose database does not exist. Otherwise ioredis would use database 0, which can belong to another
 * deployment.
 */
export function refuseDatabase(redis: Redis): void {
  redis.on('error', (error: Error) => {
    if (WITHOUT_DATABASE.test(error.message)) redis.disconnect(true)
  })
}

/**
 * Closes a client that was given the address of a Sentinel instead of a Redis server: it connects, but then every
 * command fails. Only another setting can correct that.
 */
export function refuseSentinel(redis: Redis, log: AvailabilityLog): void {
  redis.on('ready', async () => {
    // A user without the right to INFO is one of a Redis server.
    const info = await redis.info('server').catch(() => '')
    if (!/^redis_mode:sentinel/m.test(info)) return
    log?.warn(
      'REDIS_URL is the address of a Sentinel: set REDIS_SENTINEL_MASTER to the name of the master that it monitors.',
    )
    redis.disconnect()
  })
}
