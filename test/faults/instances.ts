import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { readConfig } from '../../src/config/config.js'
import { buildApp } from '../../src/server/app.js'
import { openStores, type Stores } from '../../src/server/open-stores.js'
import { TEST_SECRETS } from '../support/build-test-app.js'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js'
import { quietLog } from '../support/servers/quiet-log.js'
import { testServers } from '../support/servers/test-servers.js'
import { createTestDatabase } from '../support/test-database.js'

export interface Instance {
  app: FastifyInstance
  stores: Stores
  close(): Promise<void>
}

export interface Instances {
  a: Instance
  b: Instance
  /** The fault proxies between the instances and their stores. */
  postgres: FaultProxy
  redis: FaultProxy
  env: NodeJS.ProcessEnv
  /** Starts another instance, on the same stores unless its environment says otherwise. */
  start(options?: { clock?: () => number; env?: NodeJS.ProcessEnv }): Promise<Instance>
}

export interface InstancesOptions {
  /** The server shared by all tests, with a database of its own, if not given. */
  postgresUrl?: string
  redisUrl?: string
  env?: NodeJS.ProcessEnv
  clocks?: [() => number, () => number]
}

/** Two instances of the service in this process, on stores behind fault proxies. */
export async function startInstances(t: Test, options: InstancesOptions = {}): Promise<Instances> {
  const { postgresUrl = (await createTestDatabase(t)).url, redisUrl = testServers().redisUrl } = options
  const postgres = await startFaultProxy(t, { target: postgresUrl })
  const redis = await startFaultProxy(t, { target: redisUrl })
  const env = {
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    DATABASE_URL: postgres.url,
    DATABASE_POOL_SIZE: '5',
    REDIS_URL: redis.url,
    REDIS_KEY_PREFIX: `t${randomBytes(6).toString('hex')}`,
    RATE_LIMIT: 'off',
    SIGN_IN_FAILURE_DELAY: '0s',
    MAX_SESSIONS_PER_USER: '0',
    ...TEST_SECRETS,
    ...options.env,
  }
  const start: Instances['start'] = ({ clock, env: more } = {}) => startInstance(t, { ...env, ...more }, clock)
  const a = await start({ ...(options.clocks && { clock: options.clocks[0] }) })
  const b = await start({ ...(options.clocks && { clock: options.clocks[1] }) })
  return { a, b, postgres, redis, env, start }
}

async function startInstance(t: Test, env: NodeJS.ProcessEnv, clock?: () => number): Promise<Instance> {
  const config = readConfig(env)
  const stores = await openStores(config, { log: quietLog(), ...(clock && { clock }) })
  const app = await buildApp(config, stores, { ...(clock && { clock }) })
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= app.close().then(() => stores.close())
    return closing
  }
  t.teardown(close)
  return { app, stores, close }
}
