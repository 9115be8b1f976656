import { settings } from './settings.js'

/** Only these beginnings: of others, such as REDIS_ or DATABASE_, the environment of a cluster holds many of its own. */
const ours = /^(JWT|REFRESH|COOKIE|CORS|RATE_LIMIT)_/

/** A warning for each variable that looks like a setting and is none, so that a slip does not pass in silence. */
export function misspelledSettings(env: NodeJS.ProcessEnv): string[] {
  return Object.keys(env)
    .filter(name => ours.test(name) && !Object.hasOwn(settings, name.replace(/_FILE$/, '')))
    .map(name => `${name} is not a setting and has no effect: look up its name in docs/configuration.md.`)
}
