import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import type { Config } from '../config/config.js'
import { readRedisUrl } from '../config/redis-url.js'
import { deriveSecrets } from '../domain/keys/secrets.js'
import { messageOf } from '../lib/error-facts.js'
import { connectRedis, redisReady } from '../redis/client.js'
import { isDenied, isRedisUnavailable, isRefusedWrite } from '../redis/errors.js'
import { readInstallation } from '../redis/installation.js'
import { createKeys } from '../redis/key-names.js'
import { createRedisEphemeral } from '../redis/redis-ephemeral.js'
import { reportClock } from './check-clock.js'
import type { Findings } from './finding.js'

const TIMEOUT_MS = 3_000
const ATTEMPTS = 3
const OLDEST_VERSION = 7
const FULL = 0.9

/**
 * Checks Redis: connection, version, memory, rights. It uses every command that the service uses, on keys that no instance
 * reads and that end by themselves within hours.
 */
export async function checkRedis(config: Config, findings: Findings): Promise<void> {
  const { url, caFile, cluster, sentinel } = config.redis
  if (url === undefined) return
  const { ok, problem, warning } = findings.about('redis')
  let reason = 'no answer'
  const listen = {
    info() {},
    warn(message: string) {
      reason = message
    },
  }
  const options = { caFile, cluster, sentinel, log: listen }
  const redis = connectRedis(url, options)
  try {
    if (!(await redisReady(redis, TIMEOUT_MS))) {
      problem(
        'connection',
        `Redis cannot be used: ${reason.replace(/\.+$/, '')}.${/ correct | set it /i.test(reason) ? '' : ' Correct REDIS_URL, or start Redis.'}`,
      )
      return
    }
    const sentAt = Date.now()
    for (const server of await readInstallation(redis))
      reportServer(findings, server, { sentAt, receivedAt: Date.now() })
  } catch (error) {
    if (isDenied(error)) warning('memory', `The Redis user has no right to INFO, so its memory cannot be checked.`)
    else problem('connection', `Redis cannot be used: ${messageOf(error)}.`)
  } finally {
    redis.disconnect()
  }
  await checkUse(config, findings)
  const { tls, places, socket } = readRedisUrl(url)
  const isLocal = socket !== undefined || places.every(({ host }) => /^(localhost|127\.|::1$)/.test(host))
  if (tls === 'unverified') warning('tls', 'The certificate of Redis is not verified: set REDIS_CA_FILE.')
  else if (tls !== 'none') ok('tls', 'The connection to Redis uses TLS.')
  else if (!isLocal)
    warning(
      'tls',
      'The connection to Redis does not use TLS: use rediss:// in REDIS_URL if the network is not private.',
    )
}

function reportServer(
  findings: Findings,
  server: Awaited<ReturnType<typeof readInstallation>>[number],
  times: { sentAt: number; receivedAt: number },
): void {
  const { ok, problem } = findings.about('redis')
  const name = `${server.product === 'redis' ? 'Redis' : server.product} ${server.version} at ${server.address}`
  const major = Number.parseInt(server.version, 10)
  if (major < OLDEST_VERSION)
    problem('version', `${name} is too old: Latchkey needs version ${OLDEST_VERSION} or newer.`)
  else ok('version', `${name} answers, with ${server.replicas} replica${server.replicas === 1 ? '' : 's'}.`)
  if (server.role !== 'master')
    problem(
      'writable',
      `${name} is a ${server.role === 'slave' ? 'replica' : server.role}, and takes no writes: name the master.`,
    )
  if (server.evictionPolicy !== 'noeviction')
    problem(
      'eviction',
      `${name} has the maxmemory-policy ${server.evictionPolicy}, so it may delete counters of failed sign-ins: set noeviction.`,
    )
  if (server.limitBytes > 0 && server.usedBytes > FULL * server.limitBytes)
    problem(
      'memory',
      `${name} is full (${Math.round((server.usedBytes / server.limitBytes) * 100)} % of maxmemory): raise maxmemory.`,
    )
  if (server.nowMs !== undefined) reportClock(findings, { name: 'Redis', theirMs: server.nowMs, ...times })
}

/** Does what the service does. A command that only came too late or was cut off is tried again: a network has pauses. */
async function checkUse(config: Config, findings: Findings): Promise<void> {
  const { ok, problem } = findings.about('redis')
  for (let attempt = 1; ; attempt++) {
    try {
      await useAsTheServiceDoes(config)
      ok('rights', 'The Redis user has all rights that the service needs.')
      return
    } catch (error) {
      if (attempt < ATTEMPTS && isRedisUnavailable(error as Error)) continue
      reportRefusal(error, problem)
      return
    }
  }
}

async function useAsTheServiceDoes(config: Config): Promise<void> {
  const { url, caFile, cluster, sentinel, keyPrefix } = config.redis
  const redis = connectRedis(url!, { caFile, cluster, sentinel, log: { info() {}, warn() {} } })
  const ephemeral = createRedisEphemeral({
    redis,
    openFollower: () =>
      connectRedis(url!, { caFile, cluster, sentinel, blocking: true, log: { info() {}, warn() {} } }),
    // Keys of its own below the prefix, so that the rights are those of the service and no instance reads what is written.
    keys: createKeys({ prefix: `${keyPrefix}:doctor`, refreshTokenTtlSeconds: 60 }),
    macKeys: deriveSecrets(config).redisMacKeys,
  })
  const id = randomUUID()
  const entry = { kind: 'session', subject: id, reason: 'logout', expiresAt: Date.now() + 10_000 } as const
  const arrival = new EventEmitter()
  const following = ephemeral.follow(
    news => news.some(one => 'subject' in one && one.subject === id) && arrival.emit('entry'),
  )
  try {
    // Both connections: a command before its own is open is rejected.
    await Promise.all([redisReady(redis, TIMEOUT_MS), following.listening])
    await ephemeral.hit(`doctor:${id}`, 1_000)
    await ephemeral.unhit(`doctor:${id}`)
    await ephemeral.recordActivity([{ sessionId: id, generation: 0, seenAt: Date.now() }])
    await ephemeral.lastActivity([id])
    await ephemeral.generationLastSeen(id, 0)
    const to = { serverStart: id, xid: '1' }
    await ephemeral.complete({ from: undefined, to, entries: [], all: () => [entry] })
    const arrived = once(arrival, 'entry', { signal: AbortSignal.timeout(TIMEOUT_MS) })
    arrived.catch(() => {})
    await ephemeral.publish([entry])
    await arrived
  } finally {
    await following.stop()
    await ephemeral.close()
  }
}

function reportRefusal(error: unknown, problem: (check: string, message: string) => void): void {
  const message = messageOf(error)
  if (isRefusedWrite(error))
    problem('writes', `Redis takes no writes: ${message} Give it more memory, its replicas, or space on its disk.`)
  else if (isDenied(error))
    problem('rights', `Redis denies a right that the service needs: ${message} (docs/configuration.md, "Rights").`)
  else if ((error as Error).name === 'AbortError' || /aborted/.test(message))
    problem(
      'delivery',
      'An entry that was written to Redis did not arrive within three seconds: check the load of Redis, and the right to XREAD.',
    )
  else if (isRedisUnavailable(error as Error))
    problem(
      'commands',
      `Redis did not answer the commands of the service in time, ${ATTEMPTS} times: ${message}. Check its load, and the network to it.`,
    )
  else problem('commands', `Redis refuses what the service needs: ${message}.`)
}
