import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { TEST_SECRETS } from './build-test-app.js'
import { testServers } from './servers/test-servers.js'
import { createTestDatabase, type TestDatabase } from './test-database.js'

export interface ExternalStores {
  database: TestDatabase
  /** The environment for a service process that uses these stores. */
  env: NodeJS.ProcessEnv
}

/** Makes a database and a Redis key prefix for services that run as separate processes: see service-process.ts. */
export async function externalStores(t: Test): Promise<ExternalStores> {
  const database = await createTestDatabase(t)
  const env = {
    NODE_ENV: 'test',
    DATABASE_URL: database.url,
    REDIS_URL: testServers().redisUrl,
    REDIS_KEY_PREFIX: `t${randomBytes(6).toString('hex')}`,
    RATE_LIMIT: 'off',
    SIGN_IN_FAILURE_DELAY: '0s',
    // One address for all instances, as behind a gateway, so that each accepts the tokens of the others.
    PUBLIC_ORIGIN: 'http://localhost:3000',
    ...TEST_SECRETS,
  }
  return { database, env }
}
