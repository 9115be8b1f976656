import { CommanderError } from 'commander'
import { ConfigError } from '../config/config.js'
import { LatchkeyError } from '../lib/errors.js'
import type { Log } from '../lib/log.js'

export type Print = (line: string) => void

/** For the result of a command, which goes to standard output alone. */
export const print: Print = line => console.log(line)

/** For everything else that a person should know. */
export const say: Print = line => console.error(line)

/** The log of a command. */
export const commandLog: Log = { info() {}, warn: say, error: say }

/** Prints lines of cells, each column as wide as its widest cell; the first line is the head. */
export function printTable(table: readonly (readonly string[])[], print: Print): void {
  const widths = table[0]!.map((_, column) => Math.max(...table.map(line => line[column]!.length)))
  for (const line of table) {
    const cells = line.map((cell, column) => cell.padEnd(widths[column]!))
    print(cells.join('  ').trimEnd())
  }
}

/** An instant as it is printed: in UTC, to the second. */
export function formatInstant(instant: Date): string {
  return `${instant.toISOString().slice(0, 19)}Z`
}

/** The exit code of a command that ran to its end, but could not do all of its work; 1 means that it did not get there. */
export const EXIT_INCOMPLETE = 2

/**
 * Says on stderr what went wrong, in a sentence or more, and never with a stack: what ends a command is for its
 * operator to mend.
 *
 * @returns the exit code
 */
export function reportError(error: unknown): number {
  // Commander has said it already. Asking for help is not a mistake.
  if (error instanceof CommanderError) return error.exitCode
  say(sentenceOf(error))
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
