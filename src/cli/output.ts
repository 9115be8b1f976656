import { codeOf } from '../lib/error-facts.js'
import type { Log } from '../lib/log.js'

export type Print = (line: string) => void

/** Prints the result of a command. Nothing else is written to standard output. */
export const print: Print = line => write(process.stdout, `${printable(line)}\n`)

/** Prints progress, warnings and errors. With `--json` each is a JSON object in one line. */
export const say: Print = text => {
  if (isJson()) sayJson({ message: text })
  else write(process.stderr, `${text.split('\n').map(printable).join('\n')}\n`)
}

/** The log of a command shows warnings and errors only. */
export const commandLog: Log = { info() {}, warn: say, error: say }

let json = false

/** Whether the result and the errors are printed as JSON. */
export const isJson = () => json

/** Chooses the form of all output; `--json` was given or not. */
export function useJson(value: boolean): void {
  json = value
}

/** Prints the one JSON document of a command, or what it says to people. */
export function printResult(document: unknown, inWords: () => void): void {
  if (json) print(JSON.stringify(document, null, 2))
  else inWords()
}

/** Prints a value as JSON in one line. */
export function printJsonLine(value: unknown): void {
  print(JSON.stringify(value))
}

/** Writes a JSON object to stderr, in one line. */
export function sayJson(value: unknown): void {
  write(process.stderr, `${printable(JSON.stringify(value))}\n`)
}

/** Prints a JSON array, each item when it is there, so that a long list needs no memory. */
export async function printArray(items: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
  let begun = false
  for await (const item of items) {
    if (outputClosed.aborted) return
    print(`${begun ? ',' : '['}${JSON.stringify(item)}`)
    begun = true
  }
  print(begun ? ']' : '[]')
}

/** Prints lines of cells, each column as wide as its widest cell. The first line is the header. */
export function printTable([header, ...lines]: readonly (readonly string[])[], print: Print): void {
  createTable(header!, { print }).add(lines)
}

/**
 * A table that grows, so that a long list needs no memory. Its columns are as wide as their widest cell so far.
 *
 * @param options.widths the least width of each column
 */
export function createTable(
  header: readonly string[],
  { print: printLine = print, widths: given = [] }: { print?: Print; widths?: readonly number[] } = {},
) {
  const widths = header.map((name, column) => Math.max(name.length, given[column] ?? 0))
  let isBegun = false
  return {
    add(lines: readonly (readonly string[])[]): void {
      const shown = lines.map(line => line.map(printable))
      for (const line of shown)
        for (const [column, cell] of line.entries()) widths[column] = Math.max(widths[column]!, cell.length)
      for (const line of isBegun ? shown : [header, ...shown])
        printLine(
          line
            .map((cell, column) => cell.padEnd(widths[column]!))
            .join('  ')
            .trimEnd(),
        )
      isBegun = true
    },
  }
}

/** Prints one thing as lines of a name and its value. */
export function printFields(fields: readonly (readonly [name: string, value: string])[]): void {
  const width = Math.max(...fields.map(([name]) => name.length)) + 1
  for (const [name, value] of fields) print(`${`${name}:`.padEnd(width)}  ${value}`.trimEnd())
}

/** Formats an instant in UTC, to the second. */
export function formatInstant(instant: Date | null): string {
  return instant === null ? '-' : `${instant.toISOString().slice(0, 19)}Z`
}

// A browser chooses its user agent, and a user the name of a session: they must not control the terminal of an operator.
// Besides control characters, this escapes those that change the direction of text, and separators of lines. As \uXXXX
// these are also correct in JSON, where they only appear in strings.
const UNPRINTABLE = /[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu

/** Replaces each character that a terminal would obey by its number. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, character =>
    character === '\n' && json ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

const closing = new AbortController()

/** Aborted when standard output takes nothing more: its reader, such as `head`, has closed it, or it cannot be written. */
export const outputClosed: AbortSignal = closing.signal

let failure: Error | undefined

/** Why standard output cannot be written, such as a full disk. A reader that has closed it is no failure. */
export const outputFailure = () => failure

/** A command that changes something finishes without output, and then reports the failure if there is one. */
export function surviveOutputErrors(): void {
  process.stdout.on('error', error => {
    if (codeOf(error) !== 'EPIPE') failure ??= error
    closing.abort()
  })
  // Nobody can be told; the exit code remains.
  process.stderr.on('error', () => {})
}

/** Waits until all output is written, or has failed. */
export async function flushOutput(): Promise<void> {
  await new Promise<void>(resolve => process.stdout.write('', () => resolve()))
}

function write(stream: NodeJS.WriteStream, text: string): void {
  if (stream === process.stdout && closing.signal.aborted) return
  stream.write(text)
}
