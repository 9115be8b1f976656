import { Redis } from 'ioredis'
import type { Test } from 'tap'
import type { Place } from '../../../src/config/store-url.js'
import { until } from '../eventually.js'
import type { RedisProgram } from './find-redis.js'
import { type OwnRedis, type RedisOptions, startRedis } from './own-redis.js'

export interface OwnRedisSentinels {
  master: OwnRedis
  /** One of them replaces the master within seconds if that one fails. */
  replicas: readonly OwnRedis[]
  sentinels: readonly OwnRedis[]
  /** The address of all Sentinels. */
  url: string
}

/** The name of the master in the Sentinels. */
export const MASTER = 'latchkey-tests'
/** How long the master may be silent before a replica replaces it. */
const DOWN_AFTER_MS = 500

/** Starts a Redis with replicas, and Sentinels that watch it, for this test alone; they end with the test. */
export async function startRedisSentinels(
  t: Test,
  count: { replicas: number; sentinels: number },
  program?: RedisProgram,
): Promise<OwnRedisSentinels> {
  const start = (options: RedisOptions) => startRedis(t, { ...options, program })
  const promptly = ['--repl-diskless-sync-delay', '0']
  const master = await start({ args: promptly })
  const [replicas, sentinels] = await Promise.all([
    startAll(count.replicas, () => start({ args: [...promptly, '--replicaof', '127.0.0.1', portOf(master)] })),
    startAll(count.sentinels, () => start({ sentinel: true })),
  ])
  // A Sentinel reads the replicas of its master at once, and after that only every ten seconds.
  await Promise.all(replicas.map(untilInStep))
  await Promise.all(sentinels.map(sentinel => watch(sentinel, master, Math.floor(count.sentinels / 2) + 1)))
  await Promise.all(sentinels.map(sentinel => untilItKnows(sentinel, count)))
  return { master, replicas, sentinels, url: addressOf(sentinels) }
}

const startAll = (count: number, start: () => Promise<OwnRedis>) => Promise.all(Array.from({ length: count }, start))

/** Waits until a replica has everything that its master has. */
async function untilInStep(replica: OwnRedis): Promise<void> {
  await ask(replica, client => until(async () => /master_link_status:up/.test(await client.info('replication'))))
}

/** Makes a Sentinel watch this master instead of the one that it watched before. */
export async function watch(sentinel: OwnRedis, master: OwnRedis, quorum = 1): Promise<void> {
  await ask(sentinel, async client => {
    await client.call('SENTINEL', 'REMOVE', MASTER).catch(() => {})
    await client.call('SENTINEL', 'MONITOR', MASTER, '127.0.0.1', portOf(master), quorum)
    await client.call('SENTINEL', 'SET', MASTER, 'down-after-milliseconds', DOWN_AFTER_MS, 'failover-timeout', 3000)
  })
}

/** A REDIS_URL that names these Sentinels. */
export function addressOf(sentinels: readonly OwnRedis[]): string {
  return `redis://${sentinels.map(sentinel => `127.0.0.1:${portOf(sentinel)}`).join(',')}`
}

/** Calls `question` with a client of this server, which is closed afterwards. */
export async function ask<T>({ url }: OwnRedis, question: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url)
  client.on('error', () => {})
  try {
    return await question(client)
  } finally {
    client.disconnect()
  }
}

/** The host and port of a server, in the form that a parsed REDIS_URL has. */
export function placeOf(server: OwnRedis): Place {
  return { host: '127.0.0.1', port: Number(portOf(server)) }
}

const portOf = ({ url }: OwnRedis) => new URL(url).port

async function untilItKnows(sentinel: OwnRedis, count: { replicas: number; sentinels: number }): Promise<void> {
  await ask(sentinel, client =>
    until(async () => {
      const facts = (await client.call('SENTINEL', 'MASTER', MASTER)) as string[]
      const fact = (name: string) => Number(facts[facts.indexOf(name) + 1])
      return fact('num-slaves') === count.replicas && fact('num-other-sentinels') === count.sentinels - 1
    }),
  )
}
