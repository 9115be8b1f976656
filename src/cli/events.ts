import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import { SECURITY_EVENT_TYPES, type SecurityEventType } from '../postgres/security-event-types.js'
import { type EventChoice, readFilter } from './event-filter.js'
import { withExamples } from './help.js'
import { limitOf, type PageOptions, readSince, repeatableOption, withLimit } from './options.js'
import { createTable, isJson, outputClosed, printArray } from './output.js'
import { USER } from './read-users.js'
import { EVENT_COLUMNS, eventCells, eventJson } from './views.js'
import { type Configure, type ReadingContext, withReading } from './with-stores.js'

const LIMIT = 20

interface EventOptions extends PageOptions, EventChoice {
  follow?: true
}

/** `latchkey events` */
export function addEventsCommand(program: Command, configure: Configure): void {
  const events = withLimit(program.command('events'), 'events', LIMIT, 0)
    .description('list the security events of all accounts, the latest first (docs/events.md)')
    .addOption(repeatableOption('--type <types>', 'only these types, separated by commas; can be repeated', readTypes))
    .option(`--user ${USER}`, 'only those of this account; by its id also those of a deleted account')
    .addOption(
      new Option(
        '--since <time>',
        'all events since an instant (2026-07-01T12:00:00Z) or for a time (15m, 12h, 7d)',
      ).argParser(readSince),
    )
    .option(
      '--follow',
      'print the latest events, and then new ones as they come, until Ctrl-C; --limit 0 prints only new ones',
    )
    .action(async (options: EventOptions) => {
      const config = await configure()
      if (options.follow) {
        const { followEvents } = await import('./follow-events.js')
        await followEvents(config, options, limitIn(options))
      } else await withReading(config, context => listLatest(context, options))
    })
  withExamples(
    events,
    'events --since 1h --type sign_in_failed,account_locked',
    'events --follow --limit 0 --json | jq .type',
    'events --user ada@example.com',
  )
}

/** With a beginning, everything since then. */
function limitIn(options: EventOptions): number {
  return limitOf(options, options.since ? Number.POSITIVE_INFINITY : LIMIT)
}

async function listLatest(context: ReadingContext, options: EventOptions): Promise<void> {
  const { latestEvents } = await import('../domain/events/latest-events.js')
  const events = latestEvents(context, await readFilter(context, options), limitIn(options))
  if (isJson()) {
    return printArray(mapped(events, eventJson))
  }
  const table = createTable(EVENT_COLUMNS)
  let lines: string[][] = []
  for await (const event of events) {
    lines.push(eventCells(event))
    if (lines.length < 100) continue
    table.add(lines)
    lines = []
    if (outputClosed.aborted) return
  }
  table.add(lines)
}

async function* mapped<T, R>(items: AsyncIterable<T>, view: (item: T) => Promise<R>): AsyncGenerator<R> {
  for await (const item of items) yield await view(item)
}

function readTypes(text: string): SecurityEventType[] {
  const types: readonly string[] = SECURITY_EVENT_TYPES
  const given = text.split(',').map(type => type.trim())
  const unknown = given.find(type => !types.includes(type))
  if (unknown !== undefined)
    throw new InvalidArgumentError(
      `${JSON.stringify(unknown)} is not a type of event. The types are ${types.join(', ')}.`,
    )
  return given as SecurityEventType[]
}
