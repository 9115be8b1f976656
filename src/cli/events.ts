import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import type { Config } from '../config/config.js'
import { readTypes as readEventTypes } from '../domain/events/event-types.js'
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
  const events = withChoice(program.command('events'))
    .description('list the security events of all accounts, the latest first (docs/events.md)')
    .option('--follow', 'the same as "events tail"')
    .action(async (options: EventOptions) => {
      if (options.follow) await tail(await configure(), options)
      else await withReading(await configure(), context => listLatest(context, options))
    })
  withExamples(
    events,
    'events --since 1h --type sign_in_failed,account_locked',
    'events --actor ada@example.com --since 30d',
    'events --user ada@example.com',
  )

  const tailing = withChoice(events.command('tail'))
    .description(
      'print the latest events, and then new ones as they come, until Ctrl-C; with --limit 0 only new ones, with --json ' +
        'one object a line',
    )
    // The command above has the same options, and reads them wherever they are.
    .action(async (_, command: Command) => tail(await configure(), command.optsWithGlobals()))
  withExamples(tailing, 'events tail --limit 0 --json | jq .type', 'events tail --type sign_in_failed')
}

/** Adds the options that choose events. */
function withChoice(command: Command): Command {
  return withLimit(command, 'events', LIMIT, 0)
    .addOption(repeatableOption('--type <types>', 'only these types, separated by commas; can be repeated', readTypes))
    .option(`--user ${USER}`, 'only those of this account; by its id also those of a deleted account')
    .option(
      '--actor <name>',
      'only what was caused by user, system, cli, an administrator (e-mail or id) or a client (name or id)',
    )
    .addOption(
      new Option(
        '--since <time>',
        'all events since an instant (2026-07-01T12:00:00Z) or for a time (15m, 12h, 7d)',
      ).argParser(readSince),
    )
    .addOption(new Option('--until <time>', 'only events before this instant, or this time ago').argParser(readSince))
}

async function tail(config: Config, options: EventOptions): Promise<void> {
  const { followEvents } = await import('./follow-events.js')
  await followEvents(config, options, limitIn(options))
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
  const read = readEventTypes(text)
  if ('unknown' in read)
    throw new InvalidArgumentError(
      `${JSON.stringify(read.unknown)} is not a type of event. The types are ${SECURITY_EVENT_TYPES.join(', ')}.`,
    )
  return read.types
}
