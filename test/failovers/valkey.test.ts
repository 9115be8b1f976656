import t from 'tap'
import { findValkey } from '../support/servers/find-redis.js'
import { withServersLock } from '../support/servers/servers-file.js'
import { failOverCluster, failOverSentinels } from './redis-failovers.js'
import { IS_FULL, ONLY_IN_FULL, printTable } from './run-failover.js'

// Not every Debian has Valkey, so these are skipped without it, also in CI.

const valkey = IS_FULL ? await withServersLock(findValkey) : undefined
const NEEDS_VALKEY =
  IS_FULL && valkey === undefined
    ? { skip: 'there is no valkey-server on the PATH, and apt has no package valkey-server' }
    : ONLY_IN_FULL

t.test('no request is refused when a Valkey master is killed and Sentinels replace it', NEEDS_VALKEY, t =>
  failOverSentinels(t, 'Valkey Sentinel', valkey),
)

t.test('no request is refused when a master of a cluster of Valkey is killed', NEEDS_VALKEY, t =>
  failOverCluster(t, 'Valkey Cluster', valkey),
)

t.test('what was answered during failovers of Valkey is printed as a table', async t => printTable(t))
