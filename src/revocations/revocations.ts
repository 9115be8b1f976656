import { type Background, createBackground } from '../lib/background.js'
import { LatchkeyError } from '../lib/errors.js'
import type { Log } from '../lib/log.js'
import { type ClockComparison, createClockComparison, Freshness } from './freshness.js'
import {
  findLost,
  JournalFollower,
  type JournalPage,
  type JournalPosition,
  type ReadableJournal,
} from './journal-follower.js'
import type { Revocation } from './revocation.js'
import { type AccountEnd, RevocationList, type TokenFacts } from './revocation-list.js'

/** How instances tell each other of revocations faster than the journal is read. */
export interface RevocationChannel {
  /** Copies committed revocations to the blacklist, and tells every instance that follows. */
  publish(revocations: readonly Revocation[]): Promise<void>
  /** Calls back with what others publish, and whenever it is sure that there is nothing new. */
  follow(onNews: OnNews): Following
  /** Sees that the blacklist holds everything up to a position of the journal. */
  complete(progress: BlacklistProgress): Promise<void>
}

export interface Following {
  /** Resolves when everything that is published from then on is heard of; without Redis, after a moment. */
  listening: Promise<void>
  stop(): Promise<void>
}

/**
 * @param unbrokenSinceMs since when (`performance.now()`) nothing that was published can have been missed
 * @param asOfMs up to when all that was published has been heard by now; what arrives may have been said long ago
 */
export type OnNews = (revocations: readonly Revocation[], unbrokenSinceMs: number, asOfMs: number) => void

export interface BlacklistProgress {
  /** Undefined when the whole journal was read. */
  from: JournalPosition | undefined
  to: JournalPosition
  /** What was read between the two. */
  entries: readonly Revocation[]
  /** Everything, for a blacklist that is not complete up to `from`. */
  all(): readonly Revocation[]
}

export interface RevocationsOptions {
  journal: ReadableJournal
  channel: RevocationChannel
  log: Log
  /** Milliseconds since the epoch. */
  clock(): number
  /** How old the list may be before nothing is verified by it any more. */
  maxStalenessSeconds: number
  /** Writes revocations again that a failover has lost: those that are found missing beside all that are known. */
  repair(findLost: (known: readonly Revocation[]) => Revocation[]): Promise<readonly Revocation[]>
}

const SWEEP_INTERVAL_MS = 60_000
/** Beyond it memory becomes a matter for the operator. Nothing is ever dropped. */
const ALERT_SIZE = 1_000_000

/**
 * What this instance refuses. It reads the whole journal at start and follows it from then on, hears what other
 * instances publish, and is told of every revocation that this one commits.
 */
export class Revocations {
  readonly list = new RevocationList()
  /** Each read of the journal tells what the clock of the database says. */
  readonly clocks: ClockComparison
  readonly #options: RevocationsOptions
  readonly #follower: JournalFollower
  readonly #freshness: Freshness
  readonly #background: Background
  readonly #keyListeners: ((kid: string) => void)[] = []
  #following: Following | undefined
  #sweeper: NodeJS.Timeout | undefined
  #alerted = false
  #isRepairDue = false
  #isRepairing = false
  #isCopying = false
  #uncopied: BlacklistProgress | undefined

  constructor(options: RevocationsOptions) {
    this.#options = options
    // Without a limit: #isCopying and #isRepairing are reset by the work itself, so it must always start.
    this.#background = createBackground(options.log, { level: 'warn', limit: Number.POSITIVE_INFINITY })
    this.#freshness = new Freshness(options.maxStalenessSeconds * 1000)
    this.clocks = createClockComparison(options.clock, options.log)
    this.#follower = new JournalFollower({
      journal: options.journal,
      log: options.log,
      onPage: (page, from, begunAtMs) => this.#takePage(page, from, begunAtMs),
      onOtherServer: page => this.#lookForLost(page),
    })
  }

  /** Whether it may be verified by: loaded, and heard from the journal or the other instances a moment ago. */
  get fresh(): boolean {
    return this.#freshness.isFresh(performance.now())
  }

  /** False until the journal was read. */
  get loaded(): boolean {
    return this.#freshness.isLoaded
  }

  /** Resolves when everything that was revoked is known. Rejects if the journal can't be read. */
  async start(): Promise<void> {
    // First the news and then the journal, so that nothing falls between the two.
    this.#following = this.#options.channel.follow((revocations, unbrokenSinceMs, asOfMs) => {
      this.#add(revocations)
      this.#freshness.newsWasHeard(unbrokenSinceMs, asOfMs)
    })
    await this.#following.listening
    await this.#follower.start()
    this.#sweeper = setInterval(() => this.list.sweep(this.#options.clock()), SWEEP_INTERVAL_MS).unref()
  }

  /**
   * Why a token is refused: `revoked` for good, or `stale` if only the access token is too old.
   *
   * @throws LatchkeyError revocations_stale if this instance has been cut off for so long that it can't know
   */
  refuses(token: TokenFacts): 'revoked' | 'stale' | undefined {
    const refusal = this.list.refuses(token)
    // What is known to be revoked needs no fresh list.
    if (refusal === undefined && !this.fresh) throw new LatchkeyError('revocations_stale', { retryAfterSeconds: 1 })
    return refusal
  }

  /** What became of the account of a refused token, if that is why. */
  accountEndOf(token: TokenFacts): AccountEnd | undefined {
    return this.list.accountEndOf(token)
  }

  /**
   * Takes note of committed revocations. This instance refuses from here on; the others are told in the background, as
   * a store that is away must not hold up a logout: the journal has it.
   */
  announce(revocations: readonly Revocation[]): void {
    if (revocations.length === 0) return
    this.#add(revocations)
    this.#background.run('publish revocations (other instances read them from the journal)', () =>
      this.#options.channel.publish(revocations),
    )
  }

  /** Calls the listener with the kid of every key that is revoked, those of before included. */
  onKeyRevoked(listener: (kid: string) => void): void {
    this.#keyListeners.push(listener)
  }

  /** Reads the journal now instead of within a second. */
  readJournal(): Promise<void> {
    return this.#follower.readNow()
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper)
    await Promise.all([this.#follower.stop(), this.#following?.stop()])
    await this.#background.settled()
  }

  #takePage({ entries, position, clockMs }: JournalPage, from: JournalPosition | undefined, begunAtMs: number): void {
    if (clockMs !== undefined) this.clocks.compare(clockMs, begunAtMs)
    this.#add(entries)
    this.#freshness.journalWasRead(begunAtMs)
    this.#repairIfDue()
    this.#complete({ from, to: position, entries, all: () => [...this.list.entries()] })
  }

  /**
   * Has the blacklist completed, one time after the other. What is read meanwhile waits, and goes as one: a long journal
   * takes seconds to copy, and each page that came in between would otherwise find it incomplete and copy it all again.
   */
  #complete(progress: BlacklistProgress): void {
    const before = this.#uncopied
    // Where one of the two is the whole journal, both together are.
    this.#uncopied = before
      ? { ...progress, from: progress.from && before.from, entries: [...before.entries, ...progress.entries] }
      : progress
    if (this.#isCopying) return
    this.#isCopying = true
    this.#background.run('complete the blacklist', async () => {
      try {
        for (let next = this.#takeUncopied(); next; next = this.#takeUncopied())
          await this.#options.channel.complete(next)
      } finally {
        this.#isCopying = false
      }
    })
  }

  #takeUncopied(): BlacklistProgress | undefined {
    const uncopied = this.#uncopied
    this.#uncopied = undefined
    return uncopied
  }

  /** After a failover: is there something that this instance knows to be revoked, and the new server does not? */
  #lookForLost({ entries }: JournalPage): void {
    const lost = findLost(this.list, entries)
    if (lost.length === 0) return
    this.#options.log.error(`the database lost ${lost.length} revocations in a failover; they are made again`)
    this.#isRepairDue = true
    this.#repairIfDue()
  }

  /** Each page tries again what failed: a server that has just taken over may go away once more. */
  #repairIfDue(): void {
    if (!this.#isRepairDue || this.#isRepairing) return
    this.#isRepairDue = false
    this.#isRepairing = true
    this.#background.run('write revocations again that a failover lost', async () => {
      try {
        this.announce(await this.#options.repair(there => findLost(this.list, there)))
      } catch (error) {
        this.#isRepairDue = true
        throw error
      } finally {
        this.#isRepairing = false
      }
    })
  }

  #add(revocations: readonly Revocation[]): void {
    for (const revocation of revocations) {
      this.list.add(revocation)
      if (revocation.kind === 'key') for (const listener of this.#keyListeners) listener(revocation.subject)
    }
    const isLarge = this.list.size > ALERT_SIZE
    if (isLarge && !this.#alerted)
      this.#options.log.error(`more than ${ALERT_SIZE} revocations are live: mind the memory, none is dropped`)
    this.#alerted = isLarge
  }
}
