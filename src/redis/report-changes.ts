import type { Cluster, Redis } from 'ioredis'
import type { Log } from '../log.js'

type ChangesLog = Pick<Log, 'info' | 'warn'> | undefined

/**
 * Says when Redis goes and comes, once each, and what is wrong with a Sentinel. Without a listener for errors ioredis
 * would print every one of them. Only the message goes into the log: the error holds the command, and so perhaps the
 * password.
 *
 * @param where - what follows the reason, if there is anything to say of the address
 */
export function reportChanges<R extends Redis | Cluster>(redis: R, log: ChangesLog, where = () => ''): R {
  let away = false
  const onAway = (reason: string) => {
    if (!away) log?.warn(`Redis is away: ${reason}${where()}`)
    away = true
  }
  // A cluster's error only counts the nodes; the last of them says why.
  redis.on('error', (error: Error & { lastNodeError?: Error }) => onAway((error.lastNodeError ?? error).message))
  redis.on('sentinelError', (error: Error) => log?.warn(error.message))
  redis.on('reconnecting', () => onAway('the connection was closed'))
  redis.on('ready', () => {
    if (away) log?.info('Redis is back')
    away = false
  })
  return redis
}

/**
 * Ends a client that was given the address of a Sentinel as that of a Redis: it connects well, and then knows no
 * command. Only another setting changes that.
 */
export function refuseSentinel(redis: Redis, log: ChangesLog): void {
  redis.on('ready', async () => {
    // A user that may not ask is one of a Redis.
    const info = await redis.info('server').catch(() => '')
    if (!/^redis_mode:sentinel/m.test(info)) return
    log?.warn('REDIS_URL leads to a Sentinel: set REDIS_SENTINEL_MASTER to the name of the master that it watches.')
    redis.disconnect()
  })
}
