import type { Cluster, Redis } from 'ioredis'
import type { Log } from '../lib/log.js'

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

/** The error of SELECT. */
const WITHOUT_DATABASE = /DB index is out of range/

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
