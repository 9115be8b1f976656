import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { readPostgresUrl } from '../../config/postgres-url.js'
import type { Place } from '../../config/store-url.js'
import { setDeadline } from '../../lib/set-deadline.js'
import { isServerError, noPrimary, socketErrors } from '../errors.js'
import { type ConnectionOptions, clientOptions, type PrimaryLocator } from './client-options.js'
import { type Address, connectTo } from './socket.js'

type LocatorOptions = Pick<ConnectionOptions, 'url' | 'caFile' | 'timeoutMs'>

/** After the first primary has answered, how long to wait for the others: one of them may be a newer primary. */
const OTHERS_MS = 250
/** While there is no primary, how long to wait before all servers are asked again. */
const PAUSE_MS = 100

/**
 * Finds the primary among the servers of an address. All are asked at once, so a server that does not answer delays
 * nothing. Of two primaries, the one with the later timeline is used: the other one was replaced, and came back.
 */
export function createPrimaryLocator(options: LocatorOptions): PrimaryLocator {
  const { places } = readPostgresUrl(options.url)
  let found: Place | undefined
  let search: Promise<Place> | undefined
  let failedAt = Number.NEGATIVE_INFINITY

  async function searchAll(): Promise<Place> {
    await sleep(Math.max(0, failedAt + PAUSE_MS - performance.now()))
    try {
      found = await findPrimary(places, options)
      return found
    } catch (error) {
      failedAt = performance.now()
      throw error
    } finally {
      search = undefined
    }
  }

  return {
    find: async () => {
      if (found !== undefined) return found
      search ??= searchAll()
      return search
    },
    forget: place => {
      if (place === found) found = undefined
    },
  }
}

interface Primary {
  place: Place
  timeline: number
}

async function findPrimary(places: readonly Place[], options: LocatorOptions): Promise<Place> {
  const stopped = new AbortController()
  const primaries: Primary[] = []
  const errors: unknown[] = []
  const asked = places.map(async place => {
    try {
      const timeline = await askTimeline(place, options, stopped.signal)
      if (timeline !== undefined) primaries.push({ place, timeline })
    } catch (error) {
      errors.push(error)
    }
  })
  const all = Promise.all(asked)
  const first = new Promise<void>(resolve => {
    for (const answer of asked) void answer.then(() => primaries.length > 0 && resolve())
  })
  await Promise.race([all, first])
  if (primaries.length > 0) await Promise.race([all, sleep(OTHERS_MS, undefined, { ref: false })])
  stopped.abort()
  const order = ({ place }: Primary) => places.indexOf(place)
  const [primary] = primaries.sort((a, b) => b.timeline - a.timeline || order(a) - order(b))
  if (primary !== undefined) return primary.place
  // What a server says, such as that the password is wrong, tells more than that another one is down.
  throw errors.find(isServerError) ?? (errors.length === places.length ? errors[0] : noPrimary())
}

/** The timeline of a server, which each failover makes higher; undefined if the server is a standby. */
async function askTimeline(place: Place, options: LocatorOptions, signal: AbortSignal): Promise<number | undefined> {
  // No parameters that a pooler could refuse.
  const given = clientOptions({ ...options, prepare: false, applicationName: 'latchkey-locator' })
  const { connect_timeout = 0, connection = {}, ...common } = given
  const timeoutMs = connect_timeout * 1000
  let isOpened = false
  let stop = (_error?: Error) => {}
  const client = postgres({
    ...common,
    connection: { application_name: connection.application_name! },
    connect_timeout: 0,
    max_lifetime: 0,
    socket: (_address: Address) => {
      if (isOpened) throw socketErrors.closed()
      isOpened = true
      const socket = connectTo(place, timeoutMs)
      stop = error => socket.destroy(error)
      return socket
    },
  } as postgres.Options<Record<string, postgres.PostgresType>>)
  const onAbort = () => stop(socketErrors.closed())
  signal.addEventListener('abort', onAbort, { once: true })
  const deadline = setDeadline(timeoutMs, () => stop(socketErrors.timeout()))
  try {
    const [row] = await client.unsafe('select pg_is_in_recovery() as "isStandby"')
    if (row!.isStandby) return undefined
    return await readTimeline(client)
  } finally {
    clearTimeout(deadline)
    signal.removeEventListener('abort', onAbort)
    stop()
    void client.end({ timeout: 0 })
  }
}

/** Zero where the server has no log of its own, as in Aurora. */
async function readTimeline(client: postgres.Sql): Promise<number> {
  try {
    const [row] = await client.unsafe('select substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) as timeline')
    return Number.parseInt(row!.timeline, 16)
  } catch (error) {
    if (isServerError(error)) return 0
    throw error
  }
}
