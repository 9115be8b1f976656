import { chooseMode } from './choose-mode.js'
import { ConfigError } from './config-error.js'
import { brokenRules } from './cross-setting-rules.js'
import { type DerivedConfig, derive } from './derived-values.js'
import { type GivenConfig, readSettings, toFields } from './read-settings.js'

export { ConfigError }

/**
 * All settings: read once at start, checked together and then frozen. src/config/settings/ declares each field with its
 * variable.
 */
export interface Config extends Omit<GivenConfig, keyof DerivedConfig>, DerivedConfig {}

/**
 * Reads the configuration from the environment and checks it as a whole. Both secrets are required in either mode; in
 * embedded mode the caller adds the generated ones to `env`.
 *
 * @param options.embedded whether `--embedded` was given: it chooses the embedded mode even if store addresses are set
 * @throws ConfigError that lists every error
 */
export function readConfig(env: NodeJS.ProcessEnv, options: { embedded?: boolean } = {}): Config {
  const { mode, problems, explained } = chooseMode(env, options)
  const reading = readSettings(env, { embedded: mode === 'embedded', explained })
  const all = [...problems, ...reading.problems, ...brokenRules(reading)]
  if (all.length > 0) throw new ConfigError(all)
  const given = toFields(reading.values)
  return deepFreeze({ ...given, ...derive(given, reading.values, mode, Boolean(env.KUBERNETES_SERVICE_HOST)) })
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) deepFreeze(part)
  }
  return Object.freeze(value)
}
