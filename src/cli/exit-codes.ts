import { CommanderError } from 'commander'
import { ConfigError } from '../config/config.js'
import { codeOf, messageOf } from '../lib/error-facts.js'
import { type ErrorCode, LatchkeyError } from '../lib/errors.js'
import { isMissingTable } from '../postgres/errors.js'
import { isJson, say, sayJson } from './output.js'

/** The exit codes of every command. docs/cli.md describes them; they never change their meaning. */
export const EXIT = {
  ok: 0,
  /** It did not finish. */
  failed: 1,
  /** It finished but could not do everything. */
  incomplete: 2,
  /** The user, session, client or key does not exist. */
  notFound: 3,
  /** There is no database, it cannot be reached, or its tables are not those of this version. */
  noDatabase: 4,
  /** The command line is invalid, as EX_USAGE in sysexits.h. */
  usage: 64,
} as const

/** Says why a command has no database to act on. */
export class NoDatabase extends Error {
  override readonly name = 'NoDatabase'
}

/** An invalid command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The person at the terminal did not confirm. */
export class NotConfirmed extends Error {
  override readonly name = 'NotConfirmed'
}

const NOT_FOUND = new Set<ErrorCode>([
  'user_not_found',
  'session_not_found',
  'client_not_found',
  'signing_key_not_found',
])

/**
 * Writes an error to stderr as one or more sentences, without a stack: the reader is an operator who must correct it.
 * With `--json` it is a JSON object in one line.
 *
 * @returns the exit code
 */
export function reportError(error: unknown): number {
  // Asking for help is not an error.
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok
  if (isJson()) sayJson({ error: { code: codeFor(error), message: sentenceOf(error) } })
  // Commander has already printed its errors.
  else if (error instanceof UsageError) say(`error: ${error.message}\n(latchkey --help lists the commands)`)
  else if (!(error instanceof CommanderError)) say(sentenceOf(error))
  return exitCodeOf(error)
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError || error instanceof UsageError) return EXIT.usage
  if (error instanceof NoDatabase) return EXIT.noDatabase
  return error instanceof LatchkeyError && NOT_FOUND.has(error.code) ? EXIT.notFound : EXIT.failed
}

/** The codes of the HTTP API, and four for what only a command meets. */
function codeFor(error: unknown): string {
  if (error instanceof LatchkeyError) return error.code
  if (error instanceof CommanderError || error instanceof UsageError) return 'usage'
  if (error instanceof NoDatabase) return 'no_database'
  if (error instanceof ConfigError) return 'invalid_configuration'
  return error instanceof NotConfirmed ? 'not_confirmed' : 'failed'
}

function sentenceOf(error: unknown): string {
  if (error instanceof LatchkeyError) return error.detail ? `${error.message} ${error.detail}` : error.message
  if (error instanceof CommanderError) {
    return error.code === 'commander.help'
      ? 'A command is missing: latchkey --help lists the commands.'
      : error.message.replace(/^error: /, '').replaceAll('\n', ' ')
  }
  const isOurs = [ConfigError, NoDatabase, UsageError, NotConfirmed].some(type => error instanceof type)
  if (isOurs) return messageOf(error)
  if (isMissingTable(error)) {
    return `The tables in the database do not match this version (${messageOf(error)}): run "latchkey migrate".`
  }
  return `Latchkey stopped: ${messageOf(error) || codeOf(error)}`
}
