import { Cluster, Redis } from 'ioredis'
import t from 'tap'
import { ephemeralContract } from '../contract/ephemeral.js'
import { startRedis } from '../support/servers/own-redis.js'
import { eventually } from './eventually.js'
import { openRedisForTest } from './redis-for-test.js'

// A single node refuses commands over several slots just as a large cluster does.
const server = await startRedis(t, { args: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] })
const node = new Redis(server.url)
await node.cluster('ADDSLOTSRANGE', 0, 16383)
await eventually(() => node.set('probe', 1))
node.disconnect()

const cluster = new Cluster([server.url], { enableAutoPipelining: true })
t.teardown(() => cluster.disconnect())

t.test('the contract, on a cluster', t => ephemeralContract(t, (t, settings) => openRedisForTest(t, cluster, settings)))
