import { type Command, InvalidArgumentError, Option } from 'commander'
import { UsageError } from './exit-codes.js'

export interface PageOptions {
  limit?: number
  all?: true
}

/**
 * Adds `--limit` and `--all` to a command that lists.
 *
 * @param least the smallest limit
 */
export function withLimit(command: Command, what: string, standard: number, least: 0 | 1 = 1): Command {
  return command
    .addOption(
      new Option('--limit <count>', `print at most this number of ${what} (default: ${standard})`).argParser(text =>
        readCount(text, least),
      ),
    )
    .addOption(new Option('--all', `print all ${what}`).conflicts('limit'))
}

export function limitOf({ limit, all }: PageOptions, standard: number): number {
  return all ? Number.POSITIVE_INFINITY : (limit ?? standard)
}

function readCount(text: string, least: number): number {
  if (!/^(0|[1-9]\d{0,8})$/.test(text) || Number(text) < least)
    throw new InvalidArgumentError(`It must be a whole number${least === 0 ? '' : ' above 0'}.`)
  return Number(text)
}

const repeatable = new WeakSet<Option>()

/**
 * An option that can be given more than once: its values are collected. A variadic option would take the argument after
 * it for a value.
 *
 * @param read reads what was given once
 */
export function repeatableOption<T>(flags: string, description: string, read: (text: string) => readonly T[]): Option {
  const option = new Option(flags, description).argParser((text: string, earlier: readonly T[] = []) => [
    ...earlier,
    ...read(text),
  ])
  repeatable.add(option)
  return option
}

/**
 * Refuses an option that is given twice, or together with its `--no-` form, in every command below this one. Commander
 * would use the last value without a word.
 */
export function refuseRepeatedOptions(command: Command): void {
  const given = new Map<string, Option>()
  for (const option of command.options) {
    if (repeatable.has(option)) continue
    command.on(`option:${option.name()}`, () => {
      const key = option.attributeName()
      const earlier = given.get(key)
      given.set(key, option)
      if (earlier && earlier !== option) throw new UsageError(`give ${earlier.long} or ${option.long}, not both.`)
      // A flag that is given twice means the same.
      if (earlier && option.required) throw new UsageError(`give ${option.long} only once.`)
    })
  }
  command.commands.forEach(refuseRepeatedOptions)
}

const UNITS_MS: Partial<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** An instant (`2026-07-01T12:00:00Z`), a day (`2026-07-01`, which begins in UTC), or how long ago it was (`15m`, `7d`). */
export function readSince(text: string): Date {
  const ago = /^(\d{1,6})([smhd])$/.exec(text)
  if (ago) return new Date(Date.now() - Number(ago[1]) * UNITS_MS[ago[2]!]!)
  const instant = new Date(text)
  // Without a zone, JavaScript would take the zone of this machine.
  const isComplete = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
  if (isComplete && !Number.isNaN(instant.getTime())) return instant
  throw new InvalidArgumentError(
    'Write an instant such as 2026-07-01T12:00:00Z, or how long ago, such as 15m, 12h or 7d.',
  )
}
