import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { eventually } from '../eventually.js'
import { findFreePort } from '../free-port.js'
import type { RedisProgram } from './find-redis.js'
import { type OwnRedis, startRedis } from './own-redis.js'

export interface OwnRedisCluster {
  masters: readonly OwnRedis[]
  /** Replaces the first master within seconds if that one fails. */
  replica: OwnRedis
}

const SLOTS = 16_384
const MASTERS = 3
/** How long a node may be silent before another one replaces it. */
const NODE_TIMEOUT_MS = 1000

/**
 * Starts a Redis Cluster of three masters for this test alone, the first of them with a replica; it ends with the test.
 */
export async function startRedisCluster(t: Test, program?: RedisProgram): Promise<OwnRedisCluster> {
  const started = Array.from({ length: MASTERS + 1 }, () => startNode(t, program))
  const nodes = await Promise.all(started)
  const clients = nodes.map(({ server }) => new Redis(server.url))
  try {
    await Promise.all(
      clients.slice(0, MASTERS).map((client, index) => {
        const [from, to] = [Math.ceil((SLOTS * index) / MASTERS), Math.ceil((SLOTS * (index + 1)) / MASTERS) - 1]
        return client.cluster('ADDSLOTSRANGE', from, to)
      }),
    )
    for (const { port, busPort } of nodes.slice(1))
      await clients[0]!.call('cluster', 'meet', '127.0.0.1', port, busPort)
    const firstId = String(await clients[0]!.call('cluster', 'myid'))
    await eventually(() => clients.at(-1)!.cluster('REPLICATE', firstId))
    await eventually(async () => {
      const replicas = await clients[0]!.call('cluster', 'replicas', firstId)
      const states = await Promise.all(clients.map(client => client.cluster('INFO')))
      const agree = states.every(state => /cluster_state:ok/.test(state) && /known_nodes:4/.test(state))
      if (!agree || (replicas as string[]).length === 0) throw new Error('The nodes do not agree yet.')
    })
  } finally {
    for (const client of clients) client.disconnect()
  }
  const servers = nodes.map(({ server }) => server)
  return { masters: servers.slice(0, MASTERS), replica: servers.at(-1)! }
}

async function startNode(t: Test, program?: RedisProgram) {
  const busPort = await findFreePort()
  const server = await startRedis(t, {
    program,
    args: [
      ...['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1', '--cluster-port', `${busPort}`],
      ...['--cluster-node-timeout', `${NODE_TIMEOUT_MS}`, '--cluster-replica-validity-factor', '0'],
      ...['--repl-diskless-sync-delay', '0'],
    ],
  })
  return { server, busPort, port: new URL(server.url).port }
}
