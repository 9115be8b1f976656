import { isSet, readVariable } from './read-settings.js'

/** Where state lives: on the operator's Postgres and Redis, or on a Postgres of Latchkey's own and in its memory. */
export type Mode = 'external' | 'embedded'

export interface Choice {
  mode: Mode
  /** What keeps this mode from starting. */
  problems: readonly string[]
}

const examples = {
  DATABASE_URL: 'the address of your Postgres, as postgres://user:password@host:5432/latchkey',
  REDIS_URL: 'the address of your Redis, as redis://host:6379',
}

/**
 * Chooses the mode from which store addresses are given. Embedded must not start by accident where data has to last,
 * so it takes both addresses unset and a place that is plainly not production, or `--embedded`.
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
      ? `, or unset ${other} too to run embedded`
      : ` (${obstacle}, only --embedded makes Latchkey start stores of its own)`
  return { mode: 'external', problems: missing.map(name => `${name} is not set: give ${examples[name]}${reason}.`) }
}

/** Where the embedded mode would be an accident, in words. A NODE_ENV that we don't know might mean production. */
function obstacleToEmbedded(env: NodeJS.ProcessEnv): string | undefined {
  const { text, problem } = readVariable(env, 'NODE_ENV')
  if (text === 'production') return 'in production'
  if (problem !== undefined || !['development', 'test', undefined].includes(text)) return 'with an unknown NODE_ENV'
  return env.KUBERNETES_SERVICE_HOST ? 'in Kubernetes' : undefined
}
