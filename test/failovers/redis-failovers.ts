import type { Test } from 'tap'
import { until } from '../support/eventually.js'
import type { RedisProgram } from '../support/servers/find-redis.js'
import { startRedisCluster } from '../support/servers/own-redis-cluster.js'
import { ask, MASTER, placeOf, startRedisSentinels } from '../support/servers/own-redis-sentinels.js'
import { emptyDatabase } from '../support/test-database.js'
import { runFailover } from './run-failover.js'

// Redis holds nothing that is needed, so no request is refused.

/** Kills a master that three Sentinels watch. */
export async function failOverSentinels(t: Test, name: string, program?: RedisProgram): Promise<void> {
  const [database, { master, sentinels, url }] = await Promise.all([
    emptyDatabase(t),
    startRedisSentinels(t, { replicas: 1, sentinels: 3 }, program),
  ])
  const env = { DATABASE_URL: database.url, REDIS_URL: url, REDIS_SENTINEL_MASTER: MASTER }
  const failOver = async () => {
    process.kill(master.pid, 'SIGKILL')
    const { port } = placeOf(master)
    const named = () => ask(sentinels[0]!, client => client.call('SENTINEL', 'get-master-addr-by-name', MASTER))
    await until(async () => Number(((await named()) as string[])[1]) !== port, 'another master is named')
  }
  await runFailover(t, { name, env, failOver })
}

/** Kills one of the three masters of a cluster. */
export async function failOverCluster(t: Test, name: string, program?: RedisProgram): Promise<void> {
  const [database, { masters, replica }] = await Promise.all([emptyDatabase(t), startRedisCluster(t, program)])
  const env = { DATABASE_URL: database.url, REDIS_URL: masters[2]!.url, REDIS_CLUSTER: 'on' }
  const failOver = async () => {
    process.kill(masters[0]!.pid, 'SIGKILL')
    const isMaster = () => ask(replica, async client => /role:master/.test(await client.info('replication')))
    await until(isMaster, 'its replica is a master')
  }
  await runFailover(t, { name, env, failOver })
}
