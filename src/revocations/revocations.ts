import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AccountEnd,
  Pauses,
  REVOCATION_TTL_SECONDS,
  type Revocation,
  RevocationList,
  type TokenFacts,
} from '@latchkey/verifier/core'
import { type Background, createBackground } from '../lib/background.js'
import { collectGarbageOf } from '../lib/collect-garbage.js'
import type { Log } from '../lib/log.js'
import { appliedRevocations, type RevocationWay } from '../lib/measurements.js'
import { BlacklistCopy } from './blacklist-copy.js'
import { type ClockComparison, createClockComparison, JournalFreshness } from './freshness.js'
import { JournalFollower, type JournalPage, type JournalPosition, type ReadableJournal } from './journal-follower.js'
import { LostRevocations } from './lost-revocations.js'
import type { RevocationChannel, RevocationSubscription } from './revocation-channel.js'

export interface RevocationsOptions {
  journal: ReadableJournal
  channel: RevocationChannel
  log: Log
  /** Milliseconds since the epoch. */
  clock(): number
  /** How old the list can be before no token is verified with it. */
  maxStalenessSeconds: number
  /**
   * Writes again the revocations that a failover lost: those that `findLost` returns for the entries of the journal.
   */
  repair(findLost: (known: readonly Revocation[]) => Revocation[]): Promise<readonly Revocation[]>
}

/** Hears of every change of the list, before anything else happens. */
export interface RevocationsObserver {
  /** @param news - entries that the list did not have */
  onNews(news: readonly Revocation[], isInJournal: boolean): void
  /** A page of the journal was read; `onNews` was called with what is new in it. */
  onPage(page: JournalPage, from: JournalPosition | undefined, begunAtMs: number): void
  /** @param lost - everything that the list has and the whole journal of another server lacks */
  onLost(lost: readonly Revocation[]): void
}

const SWEEP_INTERVAL_MS = 60_000
/** After a pause of this process, no request waits longer for a read of the journal. */
const LEARNING_MS = 5000
/** How long after a failover the other instances can need to read the new server, and to register their verifiers there. */
const SETTLING_MS = 5000
/** Above this size the operator must watch the memory. No entry is ever dropped. */
const ALERT_SIZE = 1_000_000

/**
 * Keeps the revocation list of this instance up to date: it reads the whole journal at the start and follows it,
 * receives what other instances publish, and is given every revocation that this instance commits.
 */
export class Revocations {
  readonly list = new RevocationList()
  /** Compared at each read of the journal, which returns the time of the database. */
  readonly clocks: ClockComparison
  /** After a pause of this process, the journal is read before a token is accepted. */
  readonly pauses = new Pauses(() => this.#learn())
  readonly #options: RevocationsOptions
  readonly #follower: JournalFollower
  readonly #freshness: JournalFreshness
  readonly #background: Background
  readonly #lost: LostRevocations
  readonly #blacklistCopy: BlacklistCopy
  readonly #keyListeners: ((kid: string) => void)[] = []
  readonly #serverListeners: ((serverStart: string) => void)[] = []
  /** When another server was first read. Minus infinity if it is the first one, and was the primary all the time. */
  #replacedAtMs = Number.NEGATIVE_INFINITY
  #observer: RevocationsObserver | undefined
  #subscription: RevocationSubscription | undefined
  #sweeper: NodeJS.Timeout | undefined
  #alerted = false

  constructor(options: RevocationsOptions) {
    this.#options = options
    // Without a limit: copying and repairing reset their own flags, so this work must always start.
    this.#background = createBackground(options.log, { level: 'warn', limit: Number.POSITIVE_INFINITY })
    this.#freshness = new JournalFreshness(options.maxStalenessSeconds * 1000)
    this.clocks = createClockComparison(options.clock, options.log)
    this.#blacklistCopy = new BlacklistCopy(options.channel, this.#background)
    this.#lost = new LostRevocations(this.list, {
      log: options.log,
      background: this.#background,
      repair: async findLost => this.announce(await options.repair(findLost)),
    })
    this.#follower = new JournalFollower({
      journal: options.journal,
      log: options.log,
      onPage: (page, from, begunAtMs) => this.#takePage(page, from, begunAtMs),
      onOtherServer: page => {
        this.#replacedAtMs = performance.now()
        const lost = this.#lost.lookFor(page.entries)
        this.#observer?.onLost(lost)
        for (const listener of this.#serverListeners) listener(page.position.serverStart)
      },
    })
  }

  /** Whether tokens can be verified with the list: it is loaded, and the journal or the channel was read recently. */
  get fresh(): boolean {
    return this.#freshness.isFresh(performance.now())
  }

  /** Up to when the list is complete (`performance.now()`); minus infinity until the journal was read. */
  get asOfMs(): number {
    return this.#freshness.asOfMs
  }

  /** False until the journal was read. */
  get loaded(): boolean {
    return this.#freshness.isLoaded
  }

  /** Resolves when the list is complete. Rejects if the journal cannot be read. */
  async start(): Promise<void> {
    // The channel first and then the journal, so that no revocation between the two is missed.
    this.#subscription = this.#options.channel.follow((revocations, unbrokenSinceMs, asOfMs) => {
      this.#add(revocations, 'redis')
      this.#freshness.recordChannelRead(unbrokenSinceMs, asOfMs)
    })
    await this.#subscription.listening
    await this.#follower.start()
    await collectGarbageOf(this.list.size)
    this.pauses.start()
    this.#sweeper = setInterval(() => this.list.sweep(this.#options.clock()), SWEEP_INTERVAL_MS).unref()
  }

  /**
   * Why a token is refused: `revoked` if its session has ended, `stale` if only the access token is too old, or
   * `undecided` if the list is too old to say that it is not revoked.
   */
  refuses(token: TokenFacts): 'revoked' | 'stale' | 'undecided' | undefined {
    // A token that is known to be revoked is refused as such, however old the list is.
    return this.list.refuses(token) ?? (this.fresh ? undefined : 'undecided')
  }

  /** Whether a token is refused because its account was deleted or disabled. */
  accountEndOf(token: TokenFacts): AccountEnd | undefined {
    return this.list.accountEndOf(token)
  }

  /**
   * Adds committed revocations: this instance refuses their tokens from now on. They are published to the other
   * instances in the background, so that an unavailable store does not delay a logout; the journal contains them
   * anyway.
   */
  announce(revocations: readonly Revocation[]): void {
    if (revocations.length === 0) return
    this.#add(revocations, 'own')
    this.#background.run('publish revocations (other instances read them from the journal)', () =>
      this.#options.channel.publish(revocations),
    )
  }

  /** Calls the listener with the kid of every revoked key, those that the first read of the journal finds included. */
  onKeyRevoked(listener: (kid: string) => void): void {
    this.#keyListeners.push(listener)
  }

  /** Must be called before `start`. */
  observe(observer: RevocationsObserver): void {
    this.#observer = observer
  }

  /** Calls the listener each time another server is read, after a failover. */
  onOtherServer(listener: (serverStart: string) => void): void {
    this.#serverListeners.push(listener)
  }

  /**
   * The server whose journal has everything that this instance knows, when other instances have had time to find it too;
   * undefined until then.
   */
  get settledServer(): string | undefined {
    const isOver = performance.now() - this.#replacedAtMs >= SETTLING_MS
    return isOver && !this.#lost.isRepairPending ? this.#follower.serverStart : undefined
  }

  /** Reads the journal now instead of within a second. */
  readJournal(): Promise<void> {
    return this.#follower.readNow()
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper)
    this.pauses.stop()
    await Promise.all([this.#follower.stop(), this.#subscription?.stop()])
    await this.#background.settled()
  }

  /** If the journal cannot be read in time, the list is as old as after any outage of Postgres. */
  async #learn(): Promise<void> {
    await Promise.race([this.readJournal(), sleep(LEARNING_MS, undefined, { ref: false })])
  }

  #takePage(page: JournalPage, from: JournalPosition | undefined, begunAtMs: number): void {
    const { entries, position, clockMs, wasStandbyLately } = page
    if (clockMs !== undefined) this.clocks.compare(clockMs, begunAtMs)
    // An instance that starts right after a failover finds no other server, and other instances may not have either.
    if (from === undefined && wasStandbyLately) this.#replacedAtMs = performance.now()
    // What the first read finds was applied by others long ago.
    this.#add(entries, 'journal', from !== undefined)
    this.#freshness.recordJournalRead(begunAtMs)
    this.#observer?.onPage(page, from, begunAtMs)
    this.#lost.repairIfDue()
    // A copy of the whole journal takes seconds and reads the list, so it must not keep the page in memory meanwhile.
    this.#blacklistCopy.add({ from, to: position, entries: from ? entries : [], all: () => this.list.entries() })
  }

  #add(revocations: readonly Revocation[], way: RevocationWay, isMeasured = true): void {
    const news: Revocation[] = []
    for (const revocation of revocations) {
      if (!this.list.covers(revocation)) news.push(revocation)
      this.list.add(revocation)
      if (revocation.kind === 'key') for (const listener of this.#keyListeners) listener(revocation.subject)
    }
    if (news.length > 0) {
      if (isMeasured && appliedRevocations.isWanted) measure(news, way, this.clocks.databaseMs)
      this.#observer?.onNews(news, way === 'journal')
    }
    this.#alertIfLarge()
  }

  #alertIfLarge(): void {
    const isLarge = this.list.size > ALERT_SIZE
    if (isLarge && !this.#alerted)
      this.#options.log.error(
        `more than ${ALERT_SIZE} revocations are in memory, and all are kept: check that this machine has enough ` +
          'memory',
      )
    this.#alerted = isLarge
  }
}

/** The expiry says when an entry was written. That of a key never expires. */
function measure(news: readonly Revocation[], way: RevocationWay, databaseMs: number | undefined): void {
  if (databaseMs === undefined) return
  const agesSeconds = news.flatMap(({ expiresAt }) =>
    expiresAt === null ? [] : [Math.max(0, (databaseMs - expiresAt) / 1000 + REVOCATION_TTL_SECONDS)],
  )
  appliedRevocations.report({ way, agesSeconds })
}
