import { readFileSync } from 'node:fs'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { readRedisUrl } from '../config/redis-url.js'
import type { Place } from '../config/split-store-url.js'
import type { Log } from '../log.js'
import { useDeadlines } from './redis-deadlines.js'

export interface ConnectRedisOptions {
  /** The authority that a `rediss:` server's certificate must come from; without it, those that Node trusts. */
  caFile?: string | undefined
  log?: Pick<Log, 'info' | 'warn'> | undefined
  /** Whether the address is one of a Redis Cluster, whose nodes are found through it. */
  cluster?: boolean
  /** For a client whose commands wait for news a second at a time. */
  blocking?: boolean
}

/**
 * Opens a client and returns at once; Redis may be absent, now or later. Until it is there every command rejects
 * immediately, and one that gets no answer rejects within a second.
 *
 * @param url - `redis:`, with TLS `rediss:`, or `unix:`
 */
export function connectRedis(
  url: string,
  { caFile, log, cluster = false, blocking = false }: ConnectRedisOptions = {},
): Redis | Cluster {
  const { places, socket, username, password, db, tls, family } = readRedisUrl(url)
  const options: ConnectionOptions = {
    ...timeLimits,
    ...(blocking ? blockingTimeLimits : {}),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(family !== 0 && { family }),
    ...(tls !== 'none' && {
      tls: {
        ...(caFile !== undefined && { ca: readFileSync(caFile, 'utf8') }),
        ...(tls === 'unverified' && { rejectUnauthorized: false }),
      },
    }),
  }
  const redis = cluster
    ? connectCluster(places, options)
    : connectServer({ ...(socket === undefined ? places[0]! : { path: socket }), db, ...options })
  reportChanges(redis, log)
  return redis
}

function connectServer(options: ConnectionOptions & Pick<RedisOptions, 'host' | 'port' | 'path' | 'db'>): Redis {
  return new Redis({ ...options, enableAutoPipelining: true, enableOfflineQueue: false, retryStrategy })
}

/** Nodes are found by what the first one says, which is hosts and ports: the rest is the same for each of them. */
function connectCluster(places: readonly Place[], redisOptions: ConnectionOptions): Cluster {
  return new Cluster([...places], {
    redisOptions,
    enableAutoPipelining: true,
    clusterRetryStrategy: retryStrategy,
    // Names stay names, as certificates are made for them.
    dnsLookup: (address, done) => done(null, address),
    enableOfflineQueue: false,
    // What was sent to a node that died is not sent again, and what it would have answered is refused at once.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    maxRedirections: 3,
    slotsRefreshTimeout: 500,
    slotsRefreshInterval: 1000,
  })
}

/** Waits for a client to be of use, but no longer than this: a start goes on without Redis. */
export async function redisReady(redis: Redis | Cluster, withinMs: number): Promise<boolean> {
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

useDeadlines()

/** What each connection is made with, be it to the only server or to a node. */
type ConnectionOptions = Pick<RedisOptions, keyof typeof timeLimits | 'username' | 'password' | 'family' | 'tls'>

const timeLimits = {
  connectTimeout: 500,
  commandTimeout: 500,
  // A connection that stays silent is dropped, so that only its first commands wait and the next are refused at once.
  socketTimeout: 1000,
  // No second try, as there is no queue: a caller has a way on without Redis, and a hit must not count twice.
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  maxLoadingRetryTime: 1000,
  // After a failover the connection may still lead to the former primary.
  reconnectOnError: (error: Error) => error.message.includes('READONLY'),
} satisfies RedisOptions

/** Never gives up. The jitter keeps a hundred instances from knocking at the same moment. */
function retryStrategy(attempt: number): number {
  return Math.min(50 * 2 ** (attempt - 1), 1000) * (0.5 + Math.random() / 2)
}

/** Twice as long as a read may block. */
const blockingTimeLimits = { commandTimeout: 2000, socketTimeout: 2500 } satisfies RedisOptions

/**
 * Says when Redis goes and comes, once each. Without a listener for errors ioredis would print every one of them. Only
 * the message goes into the log: the error holds the command, and so perhaps the password.
 */
function reportChanges(redis: Redis | Cluster, log: ConnectRedisOptions['log']): void {
  let away = false
  const onAway = (reason: string) => {
    if (!away) log?.warn(`Redis is away: ${reason}`)
    away = true
  }
  // A cluster's error only counts the nodes; the last of them says why.
  redis.on('error', (error: Error & { lastNodeError?: Error }) => onAway((error.lastNodeError ?? error).message))
  redis.on('reconnecting', () => onAway('the connection was closed'))
  redis.on('ready', () => {
    if (away) log?.info('Redis is back')
    away = false
  })
}
