import { randomBytes } from 'node:crypto'
import { readConfig } from '../src/config/config.js'
import { type AppStores, buildApp } from '../src/server/app.js'
import type { OpenContext } from '../src/server/create-context.js'
import { startLog } from '../src/server/logging.js'

/**
 * The OpenAPI document of the service with the default settings and every dialect. No store is opened: the routes are
 * registered, and nothing is requested.
 */
export async function describeApi(): Promise<object> {
  const secret = randomBytes(32).toString('hex')
  const config = readConfig({
    DIALECTS: 'simple-jwt,sessions,envelope',
    RATE_LIMIT: 'off',
    LOG_LEVEL: 'silent',
    JWT_SECRET: secret,
    JWT_REFRESH_SECRET: `refresh-${secret}`,
  })
  const context = { config, close: async () => {} } as OpenContext
  const app = await buildApp(config, {} as AppStores, { context, log: startLog(config) })
  await app.ready()
  const document = app.swagger()
  await app.close()
  return document
}
