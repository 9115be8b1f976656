import type { Log } from '../log.js'
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

/**
 * Reads the journal again and again, each time from where the last read said that the next must begin. Every revocation
 * passes here, however late its transaction committed and whatever happened to Redis.
 */
export class JournalFollower {
  readonly #options: JournalFollowerOptions
  #position: JournalPosition | undefined
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  #failing = false
  #underWay: Promise<void> = Promise.resolve()

  constructor(options: JournalFollowerOptions) {
    this.#options = options
  }

  /** Reads the whole journal, and follows it from then on. Rejects if it can't be read now. */
  async start(): Promise<void> {
    await this.#read()
    this.#schedule()
  }

  /** Reads on now instead of at the next turn. */
  async readNow(): Promise<void> {
    await this.#underWay
    this.#underWay = this.#attempt()
    await this.#underWay
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#underWay
  }

  #schedule(): void {
    if (this.#stopped) return
    // A tenth early or late, so that a hundred instances do not come at once.
    const delayMs = (this.#options.everyMs ?? 1000) * (0.9 + 0.2 * Math.random())
    this.#timer = setTimeout(() => {
      this.#underWay = this.#attempt().finally(() => this.#schedule())
    }, delayMs).unref()
  }

  async #attempt(): Promise<void> {
    try {
      await this.#read()
      if (this.#failing) this.#options.log.info('the journal of revocations can be read again')
      this.#failing = false
    } catch (error) {
      if (!this.#failing)
        this.#options.log.warn(`the journal of revocations can't be read: ${(error as Error).message}`)
      this.#failing = true
    }
  }

  async #read(): Promise<void> {
    const { journal, onPage, onOtherServer } = this.#options
    const from = this.#position
    const begunAtMs = performance.now()
    let page = from ? await journal.readSince(from.xid) : await journal.readAll()
    if (page.isStandby) throw new Error('Postgres is a standby; DATABASE_URL must name the primary')
    const isOther = from !== undefined && page.position.serverStart !== from.serverStart
    if (isOther) page = await journal.readAll()
    this.#position = page.position
    onPage(page, isOther ? undefined : from, begunAtMs)
    if (isOther) onOtherServer(page)
  }
}
