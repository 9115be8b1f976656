import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { TEST_SECRETS } from './build-test-app.js'
import { testServers } from './servers/test-servers.js'
import { createTestDatabase, type TestDatabase } from './test-database.js'

export interface ExternalStores {
  database: TestDatabase
  /** What a service process needs to be told. */
  env: NodeJS.ProcessEnv
}

/** A database and Redis keys of their own, for services that run in processes of their own. */
export async function externalStores(t: Test): Promise<ExternalStores> {
  const database = await createTestDatabase(t)
  const env = {
    NODE_ENV: 'test',
    DATABASE_URL: database.url,
    REDIS_URL: testServers().redisUrl,
    REDIS_KEY_PREFIX: `t${randomBytes(6).toString('hex')}`,
    RATE_LIMIT: 'off',
    SIGN_IN_FAILURE_DELAY: '0s',
    // One address for every instance, as behind a gateway: their tokens are each other's.
    PUBLIC_ORIGIN: 'http://localhost:3000',
    ...TEST_SECRETS,
  }
  return { database, env }
}
