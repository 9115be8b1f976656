import type { Log } from '../lib/log.js'
import { type Repetition, repeat } from '../lib/periodic.js'
import type { Revocation } from './revocation.js'

/** A point of the journal: everything that transactions below `xid` wrote is known. */
export interface JournalPosition {
  /** When this server process started. Another value means another server, whose transaction ids mean other things. */
  serverStart: string
  /** A 64-bit transaction id, in decimal. */
  xid: string
}

export interface JournalPage {
  entries: Revocation[]
  /** Where the next read must begin. */
  position: JournalPosition
  /** A standby can lag, so what it does not show proves nothing. */
  isStandby: boolean
  /** What the clock of the database said, in milliseconds since the epoch. */
  clockMs?: number | undefined
}

/** As much of the journal as following it takes. */
export interface ReadableJournal {
  readAll(): Promise<JournalPage>
  readSince(xid: string): Promise<JournalPage>
}

export interface JournalFollowerOptions {
  journal: ReadableJournal
  log: Log
  /** Told of what was read, and when the read began, after every successful one: nothing new is news too. */
  onPage(page: JournalPage, from: JournalPosition | undefined, begunAtMs: number): void
  /** Told of the whole journal of a server that is not the one before: it may lack what the last one had. */
  onOtherServer(page: JournalPage): void
  everyMs?: number
}

/** One read, as far as it has come. */
export interface JournalRead {
  /** Where it goes on from; undefined if it asks for the whole journal. */
  readonly from: JournalPosition | undefined
  /** Whether the server turned out not to be the one before. */
  readonly isOtherServer: boolean
  readonly begunAtMs: number
}

/**
 * The decisions of a read are functions without timers or stores, so that test/proof can search through all that may
 * happen between them.
 *
 * @param position - what the last page said, if there was one
 */
export function startRead(position: JournalPosition | undefined, begunAtMs: number): JournalRead {
  return { from: position, isOtherServer: false, begunAtMs }
}

/**
 * What must be asked instead, as the page is of another server than the one before; undefined if the page is good.
 *
 * @throws Error if the page comes from a standby
 */
export function nextRead(read: JournalRead, page: JournalPage): JournalRead | undefined {
  if (page.isStandby) throw new Error('Postgres is a standby; DATABASE_URL must name the primary')
  if (read.from === undefined || page.position.serverStart === read.from.serverStart) return undefined
  return { ...read, from: undefined, isOtherServer: true }
}

/**
 * Reads the journal again and again, each time from where the last read said that the next must begin. Every revocation
 * passes here, however late its transaction committed and whatever happened to Redis.
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
