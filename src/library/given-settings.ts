import { ConfigError } from '../config/config-error.js'
import type { LatchkeyOptions } from './types.js'

/**
 * The variables that are read: `process.env`, or only the settings of the application. NODE_ENV decides whether cookies
 * are secure and secrets are required, so it is never forgotten.
 *
 * @throws ConfigError for values that are no text, number or boolean; they come from JavaScript or from a JSON file
 */
export function environmentOf({ settings }: Pick<LatchkeyOptions, 'settings'>): NodeJS.ProcessEnv {
  if (settings === undefined) return process.env
  const { NODE_ENV, KUBERNETES_SERVICE_HOST } = process.env
  const entries = Object.entries(settings as Record<string, unknown>)
  const problems = entries.filter(([, value]) => !isReadable(value)).map(([name, value]) => notReadable(name, value))
  if (problems.length > 0) throw new ConfigError(problems)
  // Null is what a JSON file has for a value that is not set.
  const texts = entries.map(([name, value]) => [
    name,
    value === undefined || value === null ? undefined : String(value),
  ])
  return { NODE_ENV, KUBERNETES_SERVICE_HOST, ...Object.fromEntries(texts) }
}

function isReadable(value: unknown): boolean {
  return value === null || ['undefined', 'string', 'number', 'boolean'].includes(typeof value)
}

function notReadable(name: string, value: unknown): string {
  const advice = Array.isArray(value) ? 'write a list as one text, such as "a,b"' : 'write it as a text'
  return `${name} is ${Array.isArray(value) ? 'an array' : `of the type ${typeof value}`}: ${advice}.`
}
