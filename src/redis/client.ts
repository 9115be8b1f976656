import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { Cluster, Command, Redis, type RedisOptions } from 'ioredis'
import { readRedisUrl } from '../config/redis-url.js'
import type { Place } from '../config/store-url.js'
import type { Log } from '../lib/log.js'
import { setDeadline } from '../lib/set-deadline.js'
import { logAvailability, refuseDatabase, refuseSentinel } from './availability.js'
import type { RedisScripts } from './commands.js'
import { COMMAND_TIMED_OUT, isFormerMaster } from './errors.js'
import { addressOf, connectorOf, type Sentinels } from './sentinels.js'

export interface ConnectRedisOptions {
  /**
   * The certificate authority that must have signed the certificate of a `rediss:` server; by default those that Node
   * trusts.
   */
  caFile?: string | undefined
  log?: Pick<Log, 'info' | 'warn'> | undefined
  /** Whether the address is one of a Redis Cluster, whose nodes are found through it. */
  cluster?: boolean
  /** If the address is one of Sentinels: the name of the master that they watch, and the credentials for them. */
  sentinel?: SentinelOptions | undefined
  /** For a client whose commands wait for new entries, a second at a time. */
  blocking?: boolean
}

export interface SentinelOptions {
  master: string
  username?: string | undefined
  password?: string | undefined
  /** By default as for Redis itself. */
  tls?: boolean | undefined
}

const SENTINEL_PORT = 26_379

/**
 * Opens a client and returns at once; Redis may be unavailable, now or later. While it is unavailable every command
 * rejects immediately, and a command without an answer rejects within a second.
 *
 * @param url - `redis:`, with TLS `rediss:`, or `unix:`
 */
export function connectRedis(url: string, given: ConnectRedisOptions = {}): Redis | Cluster {
  const { caFile, log, cluster = false, sentinel, blocking = false } = given
  const { places, socket, username, password, db, tls, family } = readRedisUrl(url, sentinel && SENTINEL_PORT)
  const tlsOptions = {
    ...(caFile !== undefined && { ca: readFileSync(caFile, 'utf8') }),
    ...(tls === 'unverified' && { rejectUnauthorized: false }),
  }
  const options: ConnectionOptions = {
    ...timeLimits,
    ...(blocking ? blockingTimeLimits : {}),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(family !== 0 && { family }),
    ...(tls !== 'none' && { tls: tlsOptions }),
  }
  if (cluster) return logAvailability(connectCluster(places, options), log)
  if (sentinel) {
    const sentinelTls = (sentinel.tls ?? tls !== 'none') ? tlsOptions : undefined
    return connectThroughSentinels({ ...sentinel, places, tls: sentinelTls, family }, { db, ...options }, log)
  }
  const server = connectServer({ ...(socket === undefined ? places[0]! : { path: socket }), db, ...options })
  refuseSentinel(server, log)
  return logAvailability(server, log)
}

/**
 * ioredis sends the commands of one tick as one pipeline, and a pipeline refers to its commands after its end. So the
 * collector of young objects keeps them all: a copy of a blacklist of 100,000 entries needed 100 MB more until the next
 * full collection. Outside a pipeline, commands are freed at once. On a cluster they stay in pipelines, because a node
 * whose connection is just being opened refuses single commands.
 */
const NOT_PIPELINED: readonly (keyof RedisScripts)[] = ['latchkeyRaise']

function connectServer(
  options: ConnectionOptions & Pick<RedisOptions, 'host' | 'port' | 'path' | 'db' | 'Connector'>,
): Redis {
  const server = new Redis({
    ...options,
    enableAutoPipelining: true,
    autoPipeliningIgnoredCommands: [...NOT_PIPELINED],
    enableOfflineQueue: false,
    retryStrategy,
  })
  refuseDatabase(server)
  return server
}

function connectThroughSentinels(
  sentinels: Sentinels,
  options: ConnectionOptions & Pick<RedisOptions, 'db'>,
  log: ConnectRedisOptions['log'],
): Redis {
  let master: Place | undefined
  const Connector = connectorOf(sentinels, named => {
    master = named
  })
  // In a different network, the address that they name may not be reachable from here.
  const where = () => (master === undefined ? '' : ` (the Sentinels name ${addressOf(master)} as the master)`)
  return logAvailability(connectServer({ Connector, ...options }), log, where)
}

/** The first node names the hosts and ports of the others. All other options are the same for each node. */
function connectCluster(places: readonly Place[], redisOptions: ConnectionOptions): Cluster {
  const cluster = new Cluster([...places], {
    redisOptions,
    enableAutoPipelining: true,
    clusterRetryStrategy: retryStrategy,
    // Host names are not resolved here, because certificates are issued for names.
    dnsLookup: (address, done) => done(null, address),
    enableOfflineQueue: false,
    // What was sent to a node that failed is not sent again, and its commands are rejected at once.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    maxRedirections: 3,
    slotsRefreshTimeout: 500,
    slotsRefreshInterval: 1000,
  })
  // If the client is closed while ioredis asks for the slots, ioredis goes on asking every second, and the process
  // never ends.
  cluster.once('end', () => {
    cluster.refreshSlotsCache = () => {}
  })
  return cluster
}

/** Waits until a client is ready, but no longer than this: the service also starts without Redis. */
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

replaceTimers()

/** The options of each connection, to a single server or to a node of a cluster. */
type ConnectionOptions = Pick<RedisOptions, keyof typeof timeLimits | 'username' | 'password' | 'family' | 'tls'>

const timeLimits = {
  connectTimeout: 500,
  commandTimeout: 500,
  // A connection without answers is closed, so that only its first commands wait and the next are rejected at once.
  socketTimeout: 1000,
  // No retry, as there is no queue: callers can go on without Redis, and a hit must not count twice.
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  maxLoadingRetryTime: 1000,
  reconnectOnError: isFormerMaster,
} satisfies RedisOptions

/** Never gives up. The jitter spreads the reconnections of a hundred instances. */
function retryStrategy(attempt: number): number {
  return Math.min(50 * 2 ** (attempt - 1), 1000) * (0.5 + Math.random() / 2)
}

/** The read blocks for up to a second; this is twice that. */
const blockingTimeLimits = { commandTimeout: 2000, socketTimeout: 2500 } satisfies RedisOptions

interface TimedCommand {
  isSettled: boolean
  reject(error: Error): void
  _commandTimeoutTimer?: NodeJS.Timeout
}

interface TimedRedis {
  options: { socketTimeout: number }
  stream: Socket
  commandQueue: { length: number }
  socketTimeoutTimer: NodeJS.Timeout | undefined
  setSocketTimeout(): void
}

/**
 * Replaces the timers of ioredis by {@link setDeadline}. ioredis has no option for this, and its cluster creates
 * clients of its own, so the two methods that set the timers are replaced for all clients.
 */
export function replaceTimers(): void {
  Object.assign(Command.prototype, {
    setTimeout(this: TimedCommand, ms: number) {
      this._commandTimeoutTimer ??= setDeadline(ms, () => {
        if (!this.isSettled) this.reject(new Error(COMMAND_TIMED_OUT))
      })
    },
  })
  Object.assign(Redis.prototype, {
    setSocketTimeout(this: TimedRedis) {
      const { stream } = this
      const read = stream.bytesRead
      this.socketTimeoutTimer = setDeadline(this.options.socketTimeout, () => {
        this.socketTimeoutTimer = undefined
        if (stream.bytesRead === read) stream.destroy(new Error('Redis did not answer in time'))
      })
      stream.once('data', () => {
        clearTimeout(this.socketTimeoutTimer)
        this.socketTimeoutTimer = undefined
        if (this.commandQueue.length > 0) this.setSocketTimeout()
      })
    },
  })
}
