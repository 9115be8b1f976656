import { foreignAddress, type StoreVariable, wanted } from './foreign-address.js'
import { isSet, readVariable, unquoted } from './read-settings.js'

/** Where state is kept: in the operator's Postgres and Redis, or in an embedded Postgres and this process's memory. */
export type Mode = 'external' | 'embedded'

export interface Choice {
  mode: Mode
  /** Why the service cannot start in this mode. */
  problems: readonly string[]
  /** The variables whose problems these problems explain, so that they are not reported too. */
  explained: readonly string[]
}

const stores: readonly StoreVariable[] = ['DATABASE_URL', 'REDIS_URL']

/**
 * Chooses the mode from the store addresses that are set. The embedded mode must not start by accident where data has
 * to last, so it needs `--embedded`, or both addresses unset and an environment that is clearly not production.
 */
export function chooseMode(env: NodeJS.ProcessEnv, options: { embedded?: boolean } = {}): Choice {
  if (options.embedded) return { mode: 'embedded', problems: [], explained: [] }
  const obstacle = obstacleToEmbedded(env)
  const missing = stores.filter(name => !isSet(env, name))
  const foreign = stores.flatMap(name => {
    const description = foreignAddress(name, unquoted(readVariable(env, name).text ?? ''))
    return description === undefined ? [] : [{ name, description }]
  })
  if (foreign.length > 0) return refuseForeignAddresses(env, foreign, missing, obstacle)
  if (missing.length === 0) return { mode: 'external', problems: [], explained: [] }
  if (missing.length === 2 && obstacle === undefined) return { mode: 'embedded', problems: [], explained: [] }
  return { mode: 'external', problems: missing.map(name => notSet(name, obstacle)), explained: [] }
}

/**
 * An address of another system is usually left over from a service that Latchkey replaces. If the embedded mode would
 * start without it, it is the only thing to correct: what the external mode requires as well is not reported.
 */
function refuseForeignAddresses(
  env: NodeJS.ProcessEnv,
  foreign: readonly { name: StoreVariable; description: string }[],
  missing: readonly StoreVariable[],
  obstacle: string | undefined,
): Choice {
  const names = foreign.map(({ name }) => name)
  const isOnlyObstacle = obstacle === undefined && names.length + missing.length === stores.length
  const problems = foreign.map(({ name, description }) => {
    const store = name === 'DATABASE_URL' ? 'keeps its data in Postgres' : 'uses Redis'
    const others = stores.filter(other => other !== name && !missing.includes(other))
    const unset = others.length === 0 ? 'unset it' : `unset it and ${others.join()}`
    const embedded =
      obstacle === undefined
        ? `or ${unset}: then Latchkey starts its own Postgres and needs no Redis (the embedded mode)`
        : 'or start with --embedded on the command line for a trial'
    return `${name} ${description}, but Latchkey ${store}: set it to ${wanted[name]}, ${embedded}.`
  })
  if (isOnlyObstacle) {
    // The embedded mode generates secrets that are not set.
    const unsetSecrets = ['JWT_SECRET', 'JWT_REFRESH_SECRET'].filter(secret => !isSet(env, secret))
    return { mode: 'external', problems, explained: [...names, ...unsetSecrets] }
  }
  return { mode: 'external', problems: [...problems, ...missing.map(name => notSet(name, obstacle))], explained: names }
}

function notSet(name: StoreVariable, obstacle: string | undefined): string {
  const other = name === 'DATABASE_URL' ? 'REDIS_URL' : 'DATABASE_URL'
  const reason =
    obstacle === undefined
      ? `, or unset ${other} too, for the embedded mode`
      : ` (${obstacle}, Latchkey starts embedded stores only with --embedded on the command line)`
  return `${name} is not set: set it to ${wanted[name]}${reason}.`
}

/** Why the embedded mode would be an accident, for the message. An unknown NODE_ENV could mean production. */
function obstacleToEmbedded(env: NodeJS.ProcessEnv): string | undefined {
  const { text, problem } = readVariable(env, 'NODE_ENV')
  const name = text && unquoted(text)
  if (name === 'production') return 'in production'
  if (problem !== undefined || !['development', 'test', undefined].includes(name)) return 'with an unknown NODE_ENV'
  return env.KUBERNETES_SERVICE_HOST ? 'in Kubernetes' : undefined
}
