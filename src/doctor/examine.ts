import { resolve } from 'node:path'
import type { Config } from '../config/config.js'
import { configWarnings } from '../config/warnings.js'
import { messageOf } from '../lib/error-facts.js'
import { checkLetters } from './check-letters.js'
import { checkPostgres } from './check-postgres.js'
import { checkRedis } from './check-redis.js'
import { checkService } from './check-service.js'
import { type Finding, Findings } from './finding.js'

export interface Examination {
  config: Config
  env: NodeJS.ProcessEnv
  /** Where the running service is asked, without a slash at the end; undefined if it is not asked. */
  url: string | undefined
  /** Called before each part, which can take some seconds. */
  onProgress: (part: string) => void
}

/** Checks a whole installation: settings, stores, clocks, letters, and the running service through its gateway. */
export async function examine({ config, env, url, onProgress }: Examination): Promise<Finding[]> {
  const findings = new Findings()
  const { ok, warning, problem } = findings.about('configuration')
  const mode = config.mode === 'embedded' ? `embedded Postgres in ${resolve(config.dataDir)}` : 'Postgres and Redis'
  ok('settings', `Every setting is valid (${mode}, NODE_ENV ${config.nodeEnv}).`)
  for (const message of configWarnings(config, env)) warning('settings', message)
  if (config.mode === 'embedded')
    warning('mode', 'The embedded Postgres is for one process: use DATABASE_URL and REDIS_URL in production.')
  else if (config.nodeEnv !== 'production')
    warning('mode', `NODE_ENV is ${config.nodeEnv}: set it to production where users sign in.`)

  if (config.mode === 'external') {
    onProgress('Postgres')
    await checkPostgres(config, findings)
    onProgress('Redis')
    await checkRedis(config, findings)
  }
  onProgress('letters')
  await checkLetters(config, findings)
  if (url === undefined) return findings.all
  onProgress(`the service at ${url}`)
  try {
    await checkService(config, url, findings)
  } catch (error) {
    problem('service', `The service at ${url} stopped answering: ${messageOf(error)}.`)
  }
  return findings.all
}
