import { type Background, createBackground } from '../lib/background.js'
import { LatchkeyError } from '../lib/errors.js'
import type { Log } from '../lib/log.js'
import { type ClockComparison, createClockComparison, Freshness } from './freshness.js'
import { JournalFollower, type JournalPage, type JournalPosition, type ReadableJournal } from './journal-follower.js'
import { LostRevocations } from './lost-revocations.js'
import type { Revocation } from './revocation.js'
import type { BlacklistProgress, RevocationChannel, RevocationSubscription } from './revocation-channel.js'
import { type AccountEnd, RevocationList, type TokenFacts } from './revocation-list.js'

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
  readonly #lost: LostRevocations
  readonly #keyListeners: ((kid: string) => void)[] = []
  #subscription: RevocationSubscription | undefined
  #sweeper: NodeJS.Timeout | undefined
  #alerted = false
  #isCopying = false
  #uncopied: BlacklistProgress | undefined

  constructor(options: RevocationsOptions) {
    this.#options = options
    // Without a limit: copying and repairing reset their own flags, so this work must always start.
    this.#background = createBackground(options.log, { level: 'warn', limit: Number.POSITIVE_INFINITY })
    this.#freshness = new Freshness(options.maxStalenessSeconds * 1000)
    this.clocks = createClockComparison(options.clock, options.log)
    this.#lost = new LostRevocations(this.list, {
      log: options.log,
      background: this.#background,
      repair: async findLost => this.announce(await options.repair(findLost)),
    })
    this.#follower = new JournalFollower({
      journal: options.journal,
      log: options.log,
      onPage: (page, from, begunAtMs) => this.#takePage(page, from, begunAtMs),
      onOtherServer: page => this.#lost.lookFor(page.entries),
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
    this.#subscription = this.#options.channel.follow((revocations, unbrokenSinceMs, asOfMs) => {
      this.#add(revocations)
      this.#freshness.recordChannelRead(unbrokenSinceMs, asOfMs)
    })
    await this.#subscription.listening
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
    await Promise.all([this.#follower.stop(), this.#subscription?.stop()])
    await this.#background.settled()
  }

  #takePage({ entries, position, clockMs }: JournalPage, from: JournalPosition | undefined, begunAtMs: number): void {
    if (clockMs !== undefined) this.clocks.compare(clockMs, begunAtMs)
    this.#add(entries)
    this.#freshness.recordJournalRead(begunAtMs)
    this.#lost.repairIfDue()
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
