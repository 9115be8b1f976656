import { randomBytes } from 'node:crypto'
import { Writable } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { pino } from 'pino'
import type { Test } from 'tap'
import { createLatchkey, type Latchkey, type LatchkeyOptions } from '../../src/index.js'
import { TEST_SECRETS } from '../support/build-test-app.js'
import { testServers } from '../support/servers/test-servers.js'
import { createTestDatabase, type TestDatabase } from '../support/test-database.js'

export interface Application {
  app: FastifyInstance
  latchkey: Latchkey
  database: TestDatabase
  settings: Record<string, string>
  /** The lines of both logs. */
  lines: Record<string, unknown>[]
}

export interface ApplicationOptions {
  settings?: Record<string, string>
  fastify?: FastifyServerOptions
  latchkey?: LatchkeyOptions
  /** Registers routes before the plugin. */
  before?: (app: FastifyInstance) => void | Promise<void>
  prefix?: string
}

/** A Fastify application of somebody else that contains Latchkey, with a private route. It closes after the test. */
export async function buildApplication(t: Test, options: ApplicationOptions = {}): Promise<Application> {
  const database = await createTestDatabase(t)
  const settings = {
    DATABASE_URL: database.url,
    REDIS_URL: testServers().redisUrl,
    REDIS_KEY_PREFIX: `t${randomBytes(6).toString('hex')}`,
    MIGRATE_ON_START: 'off',
    DATABASE_POOL_SIZE: '4',
    RATE_LIMIT: 'off',
    SIGN_IN_FAILURE_DELAY: '0s',
    ...TEST_SECRETS,
    ...options.settings,
  }
  const lines: Record<string, unknown>[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  const app: FastifyInstance = Fastify({ loggerInstance: pino({ level: 'debug' }, sink), ...options.fastify })
  const latchkey = await createLatchkey({ settings, log: app.log, ...options.latchkey })
  t.teardown(async () => {
    await app.close()
    await latchkey.close()
  })
  await options.before?.(app)
  await app.register(latchkey.plugin, options.prefix === undefined ? {} : { prefix: options.prefix })
  app.get('/private', { onRequest: latchkey.authenticate }, request => request.principal)
  app.post('/private', { onRequest: latchkey.authenticate }, request => request.principal)
  app.get('/editors', { onRequest: latchkey.requireRole('editor', 'admin') }, request => request.principal.roles)
  return { app, latchkey, database, settings, lines }
}
