import { CommanderError } from 'commander'
import { ConfigError } from '../config/config.js'
import { codeOf, messageOf } from '../lib/error-facts.js'
import { LatchkeyError } from '../lib/errors.js'
import type { Log } from '../lib/log.js'
import { isMissingTable } from '../postgres/errors.js'

export type Print = (line: string) => void

/** Prints the result of a command. Nothing else is written to standard output. */
export const print: Print = line => console.log(line)

/** Prints progress, warnings and errors. */
export const say: Print = line => console.error(line)

/** The log of a command shows warnings and errors only. */
export const commandLog: Log = { info() {}, warn: say, error: say }

/** Prints lines of cells, each column as wide as its widest cell. The first line is the header. */
export function printTable(table: readonly (readonly string[])[], print: Print): void {
  const widths = table[0]!.map((_, column) => Math.max(...table.map(line => line[column]!.length)))
  for (const line of table) {
    const cells = line.map((cell, column) => cell.padEnd(widths[column]!))
    print(cells.join('  ').trimEnd())
  }
}

/** Formats an instant in UTC, to the second. */
export function formatInstant(instant: Date): string {
  return `${instant.toISOString().slice(0, 19)}Z`
}

/** The exit code of a command that finished but could not do everything. 1 means that it did not finish. */
export const EXIT_INCOMPLETE = 2

/**
 * Writes an error to stderr as one or more sentences, without a stack: the reader is an operator who must correct it.
 *
 * @returns the exit code
 */
export function reportError(error: unknown): number {
  // Commander has already printed it. Asking for help is not an error.
  if (error instanceof CommanderError) return error.exitCode
  say(sentenceOf(error))
  return 1
}

function sentenceOf(error: unknown): string {
  if (error instanceof LatchkeyError) return error.detail ? `${error.message} ${error.detail}` : error.message
  if (error instanceof ConfigError) return error.message
  if (isMissingTable(error)) {
    return `The tables in the database do not match this version (${messageOf(error)}): run "latchkey migrate".`
  }
  return `Latchkey stopped: ${messageOf(error) || codeOf(error)}`
}
