import { isSet, readVariable } from './read-settings.js'

/** Where state is kept: in the operator's Postgres and Redis, or in an embedded Postgres and this process's memory. */
export type Mode = 'external' | 'embedded'

export interface Choice {
  mode: Mode
  /** Why the service cannot start in this mode. */
  problems: readonly string[]
}

const examples = {
  DATABASE_URL: 'the address of your Postgres, such as postgres://user:password@host:5432/latchkey',
  REDIS_URL: 'the address of your Redis, such as redis://host:6379',
}

/**
 * Chooses the mode from the store addresses that are set. The embedded mode must not start by accident where data has
 * to last, so it needs `--embedded`, or both addresses unset and an environment that is clearly not production.
 */
export function chooseMode(env: NodeJS.ProcessEnv, options: { embedded?: boolean } = {}): Choice {
  if (options.embedded) return { mode: 'embedded', problems: [] }
  const names = ['DATABASE_URL', 'REDIS_URL'] as const
  const missing = names.filter(name => !isSet(env, name))
  if (missing.length === 0) return { mode: 'external', problems: [] }

  const obstacle = obstacleToEmbedded(env)
  if (missing.length === 2 && obstacle === undefined) return { mode: 'embedded', problems: [] }
  const other = missing[0] === 'DATABASE_URL' ? 'REDIS_URL' : 'DATABASE_URL'
  const reason =
    obstacle === undefined
      ? `, or unset ${other} too, for the embedded mode`
      : ` (${obstacle}, Latchkey starts embedded stores only with --embedded)`
  return {
    mode: 'external',
    problems: missing.map(name => `${name} is not set: set it to ${examples[name]}${reason}.`),
  }
}

/** Why the embedded mode would be an accident, for the message. An unknown NODE_ENV could mean production. */
function obstacleToEmbedded(env: NodeJS.ProcessEnv): string | undefined {
  const { text, problem } = readVariable(env, 'NODE_ENV')
  if (text === 'production') return 'in production'
  if (problem !== undefined || !['development', 'test', undefined].includes(text)) return 'with an unknown NODE_ENV'
  return env.KUBERNETES_SERVICE_HOST ? 'in Kubernetes' : undefined
}
