import { type Command, CommanderError } from 'commander'
import { ConfigError } from '../config/config.js'
import { ImportError } from '../domain/import/import-error.js'
import { codeOf, messageOf } from '../lib/error-facts.js'
import { type ErrorCode, LatchkeyError } from '../lib/errors.js'
import { isMissingTable } from '../postgres/errors.js'
import { flushOutput, isJson, outputFailure, say, sayJson } from './output.js'

/** The exit codes of every command. docs/cli.md describes them; they never change their meaning. */
export const EXIT = {
  ok: 0,
  /** It did not finish. */
  failed: 1,
  /** It finished but could not do everything. */
  incomplete: 2,
  /** The user, session, client, key or webhook does not exist. */
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

/** The result could not be written. */
export class OutputFailed extends Error {
  override readonly name = 'OutputFailed'
}

let helpHint = '(latchkey --help lists the commands)'

/** Names the help that describes the command, after each error of its command line; also in all commands below it. */
export function hintAtHelp(command: Command, path = command.name()): void {
  if (command.commands.length > 0) {
    command.showHelpAfterError(`(${path} --help lists the commands)`)
    for (const below of command.commands) hintAtHelp(below, `${path} ${below.name()}`)
    command.hook('preSubcommand', (_, below) => {
      helpHint = `(${path} ${below.name()} --help describes this command)`
    })
  } else command.showHelpAfterError(`(${path} --help describes this command)`)
}

const NOT_FOUND = new Set<ErrorCode>([
  'user_not_found',
  'session_not_found',
  'client_not_found',
  'signing_key_not_found',
  'webhook_not_found',
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
  else if (error instanceof UsageError) say(`error: ${error.message}\n${helpHint}`)
  else if (!(error instanceof CommanderError)) say(sentenceOf(error))
  return exitCodeOf(error)
}

/**
 * Sets the exit code of a command that finished but could not do everything. People read the reason in its result; with
 * `--json`, stderr has an error object, as after every exit code but 0.
 */
export function exitIncomplete(exitCode: number, error: { code: string; message: string }): void {
  process.exitCode = exitCode
  if (isJson()) sayJson({ error })
}

/**
 * Waits until the result is written.
 *
 * @param hasChanged whether the command changes something, which was done
 * @throws OutputFailed if it cannot be written
 */
export async function checkOutput(hasChanged: boolean): Promise<void> {
  await flushOutput()
  const error = outputError(hasChanged)
  if (error) throw error
}

/** Says that the result could not be written; undefined if nothing has failed so far. */
export function outputError(hasChanged: boolean): OutputFailed | undefined {
  const failure = outputFailure()
  if (failure === undefined) return undefined
  const problem = `could not be written to standard output (${messageOf(failure).replace(/, write$/, '')}).`
  const sentence = hasChanged ? `The command was carried out, but its result ${problem}` : `The result ${problem}`
  return new OutputFailed(sentence, { cause: failure })
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError || error instanceof UsageError) return EXIT.usage
  if (error instanceof NoDatabase) return EXIT.noDatabase
  return error instanceof LatchkeyError && NOT_FOUND.has(error.code) ? EXIT.notFound : EXIT.failed
}

/** The codes of the HTTP API, and those for what only a command meets. */
function codeFor(error: unknown): string {
  if (error instanceof LatchkeyError) return error.code
  if (error instanceof CommanderError || error instanceof UsageError) return 'usage'
  if (error instanceof NoDatabase) return 'no_database'
  if (error instanceof ConfigError) return 'invalid_configuration'
  if (error instanceof OutputFailed) return 'output_failed'
  return error instanceof NotConfirmed ? 'not_confirmed' : 'failed'
}

function sentenceOf(error: unknown): string {
  if (error instanceof LatchkeyError) return error.detail ? `${error.message} ${error.detail}` : error.message
  if (error instanceof CommanderError) {
    return error.code === 'commander.help'
      ? 'A command is missing: latchkey --help lists the commands.'
      : error.message.replace(/^error: /, '').replaceAll('\n', ' ')
  }
  const isOurs = [ConfigError, NoDatabase, UsageError, NotConfirmed, OutputFailed, ImportError].some(
    type => error instanceof type,
  )
  if (isOurs) return messageOf(error)
  if (isMissingTable(error)) {
    return `The tables in the database do not match this version (${messageOf(error)}): run "latchkey migrate".`
  }
  return `Latchkey stopped: ${messageOf(error) || codeOf(error)}`
}
