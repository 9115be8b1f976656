import t from 'tap'
import { failOverCluster, failOverSentinels } from './redis-failovers.js'
import { ONLY_IN_FULL, printTable } from './run-failover.js'

t.test('no request is refused when a Redis master is killed and Sentinels replace it', ONLY_IN_FULL, t =>
  failOverSentinels(t, 'Redis Sentinel'),
)

t.test('no request is refused when a master of a Redis Cluster is killed', ONLY_IN_FULL, t =>
  failOverCluster(t, 'Redis Cluster'),
)

t.test('what was answered during failovers of Redis is printed as a table', async t => printTable(t))
