import { ConfigError, readConfig } from '../../src/config/config.js'

export const secret = 'b7Qx-access-canary-9fKd2LmPzR4tVwYs'
export const refreshSecret = 'c3Hn-refresh-canary-8gJe1NoQaS5uXbZr'
/** The settings without a default. */
export const required = { JWT_SECRET: secret, JWT_REFRESH_SECRET: refreshSecret }
export const stores = { DATABASE_URL: 'postgres://u:p@db:5432/latchkey', REDIS_URL: 'redis://redis:6379' }
export const production = {
  ...required,
  ...stores,
  NODE_ENV: 'production',
  PUBLIC_ORIGIN: 'https://auth.example.com',
}

/** The problems that reading this environment reports; empty if it is valid. */
export function problemsOf(env: NodeJS.ProcessEnv, options?: { embedded?: boolean }): readonly string[] {
  try {
    readConfig(env, options)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}
