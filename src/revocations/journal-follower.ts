import type { Revocation } from '@latchkey/verifier/core'
import type { Log } from '../lib/log.js'
import { type Repetition, repeat } from '../lib/periodic.js'

/** A position in the journal: everything that transactions below `xid` wrote has been read. */
export interface JournalPosition {
  /** When this server started or recovered. Another value means another server, with unrelated transaction ids. */
  serverStart: string
  /** A 64-bit transaction id, in decimal. */
  xid: string
}

export interface JournalPage {
  entries: Revocation[]
  /** Where each of the entries is in the journal, in the same order. */
  places: JournalPlace[]
  /** Where the next read must begin. */
  position: JournalPosition
  /** The transactions that the read saw, as a `pg_snapshot`. */
  snapshot: string
  /** A standby can lag behind, so an entry that it does not show may still exist. */
  isStandby: boolean
  /** Whether the server was a standby within the last hour, and has become the primary in a failover. */
  wasStandbyLately?: boolean | undefined
  /** The database's clock, in milliseconds since the epoch. */
  clockMs?: number | undefined
}

/** Where an entry is in the journal. */
export interface JournalPlace {
  id: number
  /** The transaction that wrote it, in decimal. */
  xid: string
}

/** The part of the journal that a follower needs. */
export interface ReadableJournal {
  readAll(): Promise<JournalPage>
  readSince(xid: string): Promise<JournalPage>
}

export interface JournalFollowerOptions {
  journal: ReadableJournal
  log: Log
  /** Called after every successful read, even if it found no new entry. */
  onPage(page: JournalPage, from: JournalPosition | undefined, begunAtMs: number): void
  /** Called with the whole journal of a different server, which may lack entries that the previous server had. */
  onOtherServer(page: JournalPage): void
  everyMs?: number
}

/** A read in progress. */
export interface JournalRead {
  /** Where it starts; undefined if it reads the whole journal. */
  readonly from: JournalPosition | undefined
  /** Whether the server is a different one than at the previous read. */
  readonly isOtherServer: boolean
  readonly begunAtMs: number
}

/**
 * The decisions of a read are functions without timers or stores, so that test/proof can try every order of events.
 *
 * @param position - that of the previous page, if there was one
 */
export function startRead(position: JournalPosition | undefined, begunAtMs: number): JournalRead {
  return { from: position, isOtherServer: false, begunAtMs }
}

/**
 * The read that must replace this one, because the page comes from a different server; undefined if the page can be
 * used.
 *
 * @throws Error if the page comes from a standby
 */
export function nextRead(read: JournalRead, page: JournalPage): JournalRead | undefined {
  if (page.isStandby) throw new Error('Postgres is a standby; DATABASE_URL must name the primary')
  if (read.from === undefined || page.position.serverStart === read.from.serverStart) return undefined
  return { ...read, from: undefined, isOtherServer: true }
}

/**
 * Reads the journal once a second, each time from the position that the previous read returned. So it finds every
 * revocation, however late its transaction committed and whatever happened to Redis.
 */
export class JournalFollower {
  readonly #options: JournalFollowerOptions
  #position: JournalPosition | undefined
  #reading: Repetition | undefined
  #isStopped = false

  constructor(options: JournalFollowerOptions) {
    this.#options = options
  }

  /** Reads the whole journal and follows it from then on. Rejects if it cannot be read now. */
  async start(): Promise<void> {
    await this.#read()
    if (this.#isStopped) return
    const { log, everyMs = 1000 } = this.#options
    this.#reading = repeat({
      everyMs,
      task: 'read the journal of revocations',
      work: () => this.#read(),
      log,
      level: 'warn',
    })
  }

  /** The server that was read last; undefined before the first read. */
  get serverStart(): string | undefined {
    return this.#position?.serverStart
  }

  /** Reads now instead of at the next interval. */
  async readNow(): Promise<void> {
    await this.#reading?.runNow()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#reading?.stop()
  }

  async #read(): Promise<void> {
    const { onPage, onOtherServer } = this.#options
    let read = startRead(this.#position, performance.now())
    let page = await this.#ask(read)
    for (let next = nextRead(read, page); next; next = nextRead(read, page)) {
      read = next
      page = await this.#ask(read)
    }
    this.#position = page.position
    onPage(page, read.from, read.begunAtMs)
    if (read.isOtherServer) onOtherServer(page)
  }

  #ask({ from }: JournalRead): Promise<JournalPage> {
    const { journal } = this.#options
    return from ? journal.readSince(from.xid) : journal.readAll()
  }
}
