import { CommanderError } from 'commander'
import { ConfigError } from '../config/config.js'
import { LatchkeyError } from '../lib/errors.js'

/**
 * Says on stderr what went wrong, in a sentence or more, and never with a stack: what ends a command is for its
 * operator to mend.
 *
 * @returns the exit code
 */
export function reportError(error: unknown): number {
  // Commander has said it already. Asking for help is not a mistake.
  if (error instanceof CommanderError) return error.exitCode
  console.error(sentenceOf(error))
  return 1
}

function sentenceOf(error: unknown): string {
  if (error instanceof LatchkeyError) return error.detail ? `${error.message} ${error.detail}` : error.message
  if (error instanceof ConfigError) return error.message
  if (!(error instanceof Error)) return `Latchkey ended: ${String(error)}`
  const { code = '' } = error as { code?: string }
  if (MISSING_TABLES.has(code)) {
    return `The tables in the database are not those of this version (${error.message}): run "latchkey migrate".`
  }
  return `Latchkey ended: ${error.message || code}`
}

/** SQLSTATE: no such schema, table, column or function. */
const MISSING_TABLES = new Set(['3F000', '42P01', '42703', '42883'])
