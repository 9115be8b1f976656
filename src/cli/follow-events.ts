import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/config.js'
import { type EventFollower, followEvents as follow, latestEvents, OVERLAP_MS } from '../domain/events/latest-events.js'
import type { ListedEvent } from '../domain/events/list-events.js'
import { messageOf } from '../lib/error-facts.js'
import { LatchkeyError } from '../lib/errors.js'
import type { EventFilter } from '../postgres/latest-events.js'
import type { Stores } from '../server/open-stores.js'
import { type EventChoice, readFilter } from './event-filter.js'
import { outputError, reportError } from './exit-codes.js'
import { createTable, isJson, outputClosed, printJsonLine, say } from './output.js'
import { EVENT_COLUMNS, EVENT_WIDTHS, eventCells, eventJson } from './views.js'
import { nameDatabase, openExisting } from './with-stores.js'

const POLL_INTERVAL_MS = 1000

/**
 * Prints the latest events and then each new one, the latest last, until SIGINT or SIGTERM, or until the reader of the
 * output is gone. A lost database is reported and awaited. In embedded mode it needs a running service: it starts no
 * Postgres, which would keep the service from starting.
 */
export async function followEvents(config: Config, options: EventChoice, limit: number): Promise<void> {
  await nameDatabase(config)
  // It holds nothing that must be closed, and the output is written at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0))
  outputClosed.addEventListener('abort', () => {
    const error = outputError(false)
    process.exit(error ? reportError(error) : 0)
  })

  const stores = await openExisting(config, 'running')
  const filter = await readFilter(stores, options)
  const { follower, earlier } = await begin(stores, filter, limit)
  const printEvent = eventPrinter()
  for (const event of earlier) await printEvent(event)
  await pollForever(config, stores, follower, printEvent)
}

/**
 * Reads the latest events, the latest last. The follower continues after them, also with events of transactions that are
 * in progress now.
 */
async function begin(
  { db }: Stores,
  filter: EventFilter,
  limit: number,
): Promise<{ follower: EventFollower; earlier: ListedEvent[] }> {
  const now = await db.latestEvents.now()
  const follower = follow(filter, new Date(now.getTime() - OVERLAP_MS))
  // A poll marks its events as shown: those that are stored already are not printed as new ones.
  for await (const _event of follower.poll({ db }));
  const earlier: ListedEvent[] = []
  for await (const event of latestEvents({ db }, filter, limit)) {
    follower.skip(event)
    earlier.push(event)
  }
  return { follower, earlier: earlier.reverse() }
}

async function pollForever(
  config: Config,
  opened: Stores,
  follower: EventFollower,
  printEvent: (event: ListedEvent) => Promise<void>,
): Promise<never> {
  let stores: Stores | undefined = opened
  for (let isLost = false; ; ) {
    try {
      stores ??= await openExisting(config, 'running')
      for await (const event of follower.poll(stores)) await printEvent(event)
      if (isLost) say('The database answers again.')
      isLost = false
    } catch (error) {
      // The error of the API says less than its cause.
      const reason = messageOf(error instanceof LatchkeyError && error.cause ? error.cause : error).replace(/\.$/, '')
      if (!isLost) say(`The database does not answer (${reason}); waiting for it.`)
      isLost = true
      // A service that starts again has its embedded Postgres on another port. Other connections renew themselves.
      if (config.mode === 'embedded') {
        await stores?.close().catch(() => {})
        stores = undefined
      }
    }
    await sleep(POLL_INTERVAL_MS)
  }
}

function eventPrinter(): (event: ListedEvent) => Promise<void> {
  const table = createTable(EVENT_COLUMNS, { widths: EVENT_WIDTHS })
  return async event => {
    if (isJson()) printJsonLine(await eventJson(event))
    else table.add([eventCells(event)])
  }
}
