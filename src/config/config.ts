import { chooseMode } from './choose-mode.js'
import { brokenRules } from './cross-setting-rules.js'
import { type DerivedConfig, derive } from './derived-values.js'
import { readSettings, toFields } from './read-settings.js'
import type { GivenConfig } from './settings.js'

/**
 * Everything an operator can set, read once at start, checked as a whole and then frozen. src/config/settings/ declares
 * each field with its variable.
 */
export interface Config extends Omit<GivenConfig, keyof DerivedConfig>, DerivedConfig {}

/**
 * Reads the configuration from the environment and checks it as a whole. Both secrets are required in either mode; in
 * embedded mode the caller adds those it generated to `env`.
 *
 * @param options.embedded whether `--embedded` was given: the embedded mode even if addresses of stores are set
 * @throws ConfigError with every mistake there is
 */
export function readConfig(env: NodeJS.ProcessEnv, options: { embedded?: boolean } = {}): Config {
  const { mode, problems } = chooseMode(env, options)
  const reading = readSettings(env, { embedded: mode === 'embedded' })
  const all = [...problems, ...reading.problems, ...brokenRules(reading)]
  if (all.length > 0) throw new ConfigError(all)
  const given = toFields(reading.values)
  return deepFreeze({ ...given, ...derive(given, reading.values, mode, Boolean(env.KUBERNETES_SERVICE_HOST)) })
}

/** All that is wrong with the configuration at once; every problem names its variable and the fix, and no secret. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    const heading =
      problems.length === 1 ? 'The configuration has a mistake' : `The configuration has ${problems.length} mistakes`
    super([`${heading} (docs/configuration.md describes every setting):`, ...problems].join('\n  - '))
    this.name = 'ConfigError'
    this.problems = Object.freeze([...problems])
  }
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) deepFreeze(part)
  }
  return Object.freeze(value)
}
