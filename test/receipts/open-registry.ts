import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { LeasedRegistry } from '../../src/revocations/feed/leased-registry.js'
import type { ConnectingVerifier } from '../../src/revocations/feed/registry.js'
import type { VerifierStore } from '../../src/revocations/feed/verifier-store.js'
import { quietLog } from '../support/servers/quiet-log.js'
import type { TestRegistry } from './registered-verifiers.js'

export interface OpenRegistry extends LeasedRegistry {
  log: ReturnType<typeof quietLog>
  /** Does what is done every few seconds, and knows the present server afterwards. */
  renewNow(): Promise<void>
}

/** The registry of one instance, without the feed. */
export function openRegistry(
  t: Test,
  { db, position }: TestRegistry,
  { store = db.verifiers as VerifierStore, renewEveryMs = 60_000 } = {},
): OpenRegistry {
  const log = quietLog()
  const registry = new LeasedRegistry({ store, instance: 'a', log, renewEveryMs })
  t.teardown(() => registry.close())
  return Object.assign(registry, { log, renewNow: async () => registry.serverReplaced((await position()).serverStart) })
}

export async function newVerifier(registry: TestRegistry): Promise<ConnectingVerifier> {
  return {
    verifierId: randomUUID(),
    clientId: await registry.newClient(),
    name: 'shop',
    maxStalenessSeconds: 30,
    connectionId: randomUUID(),
  }
}
