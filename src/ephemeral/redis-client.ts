import { readFileSync } from 'node:fs'
import { Redis, type RedisOptions } from 'ioredis'
import type { Log } from '../log.js'

export interface ConnectRedisOptions {
  /** The authority that a `rediss:` server's certificate must come from; without it, those that Node trusts. */
  caFile?: string | undefined
  log?: Pick<Log, 'info' | 'warn'> | undefined
  /** For a client whose commands wait for news a second at a time. */
  blocking?: boolean
}

/**
 * Opens a client and returns at once; Redis may be absent, now or later. Until it is there every command rejects
 * immediately, and one that gets no answer rejects within a second.
 *
 * @param url - `redis:` or, with TLS, `rediss:`
 */
export function connectRedis(url: string, { caFile, log, blocking = false }: ConnectRedisOptions = {}): Redis {
  const redis = new Redis(url, {
    ...timeLimits,
    ...(blocking ? blockingTimeLimits : {}),
    enableAutoPipelining: true,
    ...(url.startsWith('rediss:') && caFile !== undefined ? { tls: { ca: readFileSync(caFile, 'utf8') } } : {}),
  })
  reportChanges(redis, log)
  return redis
}

/** Waits for a client to be of use, but no longer than this: a start goes on without Redis. */
export async function redisReady(redis: Redis, withinMs: number): Promise<boolean> {
  if (redis.status === 'ready') return true
  return new Promise(resolve => {
    const settle = (ready: boolean) => {
      clearTimeout(timer)
      redis.off('ready', onReady)
      resolve(ready)
    }
    const onReady = () => settle(true)
    const timer = setTimeout(settle, withinMs, false)
    redis.once('ready', onReady)
  })
}

const timeLimits = {
  connectTimeout: 500,
  commandTimeout: 500,
  // A connection that stays silent is dropped, so that only its first commands wait and the next are refused at once.
  socketTimeout: 1000,
  // Without a queue and without a second try: a caller has a way on without Redis, and a hit must not count twice.
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  maxLoadingRetryTime: 1000,
  // Never gives up. The jitter keeps a hundred instances from knocking at the same moment.
  retryStrategy: (attempt: number) => Math.min(50 * 2 ** (attempt - 1), 1000) * (0.5 + Math.random() / 2),
  // After a failover the connection may still lead to the former primary.
  reconnectOnError: (error: Error) => error.message.includes('READONLY'),
} satisfies RedisOptions

/** Twice as long as a read may block. */
const blockingTimeLimits = { commandTimeout: 2000, socketTimeout: 2500 } satisfies RedisOptions

/**
 * Says when Redis goes and comes, once each. Without a listener for errors ioredis would print every one of them. Only
 * the message goes into the log: the error holds the command, and so perhaps the password.
 */
function reportChanges(redis: Redis, log: ConnectRedisOptions['log']): void {
  let away = false
  const onAway = (reason: string) => {
    if (!away) log?.warn(`Redis is away: ${reason}`)
    away = true
  }
  redis.on('error', (error: Error) => onAway(error.message))
  redis.on('reconnecting', () => onAway('the connection was closed'))
  redis.on('ready', () => {
    if (away) log?.info('Redis is back')
    away = false
  })
}
