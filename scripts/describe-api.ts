import { randomBytes } from 'node:crypto'
import { readConfig } from '../src/config/config.js'
import { type AppStores, buildApp } from '../src/server/app.js'
import type { OpenContext } from '../src/server/create-context.js'
import { startLog } from '../src/server/logging.js'

/**
 * The OpenAPI document of the service with these settings and the defaults. No store is opened: the routes are
 * registered, and nothing is requested.
 */
export async function describeApi(settings: NodeJS.ProcessEnv = {}): Promise<object> {
  const secret = randomBytes(32).toString('hex')
  const config = readConfig({
    RATE_LIMIT: 'off',
    LOG_LEVEL: 'silent',
    JWT_SECRET: secret,
    JWT_REFRESH_SECRET: `refresh-${secret}`,
    ...settings,
  })
  const nothing = { close: async () => {} }
  const context = { config, feed: nothing, receipts: nothing, polls: nothing, ...nothing } as unknown as OpenContext
  // The start of the app asks both whether they are ready.
  const stores = { db: { ping: async () => {} }, ephemeral: { ping: async () => [] } } as unknown as AppStores
  const app = await buildApp(config, stores, { context, log: startLog(config) })
  await app.ready()
  const document = app.swagger()
  await app.close()
  return document
}
