import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { type Config, readConfig } from '../../src/config/config.js'
import { costs } from '../../src/domain/passwords/argon2id.js'
import { type AppOptions, buildApp } from '../../src/server/app.js'
import { openStores, type Stores } from '../../src/server/open-stores.js'
import { checkAnswers } from './described-answers.js'
import { quietLog } from './servers/quiet-log.js'
import { testServers } from './servers/test-servers.js'
import { createTestDatabase, type TestDatabase } from './test-database.js'

export interface TestApp {
  app: FastifyInstance
  config: Config
  stores: Stores
  database: TestDatabase
  clock: TestClock
  /** Starts another instance of the service on the same stores, with the same clock. */
  another(overrides?: NodeJS.ProcessEnv): Promise<TestApp>
}

/** What a test can change of the app. */
export interface TestAppOptions extends Pick<AppOptions, 'log'> {
  /** Called before the first route is registered. */
  prepare?: (app: FastifyInstance, parts: { config: Config; stores: Stores }) => void
  /**
   * Whether new passwords are hashed at the cost of production, in this process from now on; by default at the least.
   * For tests of floods, of the queue for hashes, and of what happens during a hash.
   */
  costlyHashes?: boolean
}

/** The time that the service sees, in this process and in its database. */
export interface TestClock {
  /** Milliseconds since the epoch. */
  now(): number
  advance(seconds: number): Promise<void>
}

export const TEST_SECRETS = {
  JWT_SECRET: 'a-jwt-secret-of-the-tests-and-of-nothing-else',
  JWT_REFRESH_SECRET: 'a-refresh-secret-of-the-tests-and-of-nothing-else',
}

const COSTLY_HASHES = { ...costs }
const CHEAP_HASHES = { memoryCost: 64, timeCost: 1, parallelism: 1 }

/**
 * Builds the whole service for one test, with its own database, its own Redis key prefix and a clock that the test
 * sets. Most tests begin with it: send requests with `app.inject` or with the helpers of people.ts. It closes after the
 * test. The test fails if an answer is not one that the OpenAPI document describes.
 *
 * @param overrides environment variables, as an operator sets them; rate limits are off unless set here
 * @param options a log whose lines the test reads, hooks that see every route, and hashes as in production
 */
export async function buildTestApp(
  t: Test,
  overrides: NodeJS.ProcessEnv = {},
  options: TestAppOptions = {},
): Promise<TestApp> {
  const database = await createTestDatabase(t)
  let shiftSeconds = 0
  const clock = {
    now: () => Date.now() + shiftSeconds * 1000,
    async advance(seconds: number) {
      shiftSeconds += seconds
      await database.shiftClock(shiftSeconds)
    },
  }
  const shared = { DATABASE_URL: database.url, REDIS_KEY_PREFIX: `t${randomBytes(6).toString('hex')}` }
  return start(t, database, clock, { ...shared, ...overrides }, options)
}

async function start(
  t: Test,
  database: TestDatabase,
  clock: TestClock,
  overrides: NodeJS.ProcessEnv,
  options: TestAppOptions = {},
): Promise<TestApp> {
  Object.assign(costs, options.costlyHashes ? COSTLY_HASHES : CHEAP_HASHES)
  const config = readConfig({
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    REDIS_URL: testServers().redisUrl,
    MIGRATE_ON_START: 'off',
    DATABASE_POOL_SIZE: '8',
    RATE_LIMIT: 'off',
    SIGN_IN_FAILURE_DELAY: '0s',
    ...TEST_SECRETS,
    ...overrides,
  })
  const stores = await openStores(config, { log: quietLog(), clock: clock.now })
  // What is registered before the app can have routes of its own.
  const settings =
    options.prepare === undefined
      ? JSON.stringify({ ...overrides, DATABASE_URL: undefined, REDIS_KEY_PREFIX: undefined })
      : undefined
  const prepare = (app: FastifyInstance) => {
    checkAnswers(t, app, settings)
    options.prepare?.(app, { config, stores })
  }
  const app = await buildApp(config, stores, { ...options, clock: clock.now, prepare })
  t.teardown(async () => {
    await app.close()
    await stores.close()
  })
  return {
    app,
    config,
    stores,
    database,
    clock,
    another: (more = {}) =>
      start(t, database, clock, { ...overrides, ...more }, { costlyHashes: options.costlyHashes ?? false }),
  }
}
