import { decodeEventId, encodeHeartbeat, encodeStart, type FeedEventId, type Revocation } from '@latchkey/verifier/core'
import { LatchkeyError } from '../../lib/errors.js'
import type { Log } from '../../lib/log.js'
import { type Repetition, repeat } from '../../lib/periodic.js'
import type { JournalPage, JournalPosition } from '../journal-follower.js'
import type { Revocations } from '../revocations.js'
import { Admissions, type Admitted, type FollowRequest } from './admissions.js'
import { type CatchUp, type FeedResponse, Follower } from './follower.js'
import { Followers, type SlowLimits } from './followers.js'
import { FrameLog } from './frame-log.js'
import { JournalReads } from './journal-reads.js'
import { readGapMs, reportEveryMs } from './pace.js'
import { RecentEntries } from './recent-entries.js'
import type { VerifierRegistry } from './registry.js'
import { partsOf, Snapshots } from './snapshots.js'

export interface FeedOptions<Client> {
  revocations: Revocations
  registry: VerifierRegistry
  maxFollowers: number
  /** Milliseconds since the epoch. */
  clock(): number
  log: Log
  /** Which of these clients must no longer follow. */
  findRefused(clients: readonly Client[]): Promise<ReadonlySet<Client>>
  slowLimits?: SlowLimits
  /** How many entries of the journal are kept for followers that come back. */
  maxRecentEntries?: number
}

/** A place that a follower has not taken yet. */
export interface Admission {
  /** Begins to write to a response whose head was written. */
  follow(response: FeedResponse): void
  /** The client has gone before. */
  abandon(): void
}

const TICK_MS = 250
const CHECK_CLIENTS_MS = 5000
const SWEEP_MS = 60_000
/** A page of the journal without news is worth a heartbeat if the last one with a position is older than this. */
const POSITION_HEARTBEAT_MS = 500
/** The journal is read every second. If it is not, there is a heartbeat without a position after this. */
const HEARTBEAT_MS = 1200
const MAX_AGE_MS = 60 * 60_000

interface Page {
  id: FeedEventId
  position: string
  readAtMs: number
}

/**
 * Sends the list of revocations to other services: first all of it, or what a follower missed, then each entry as soon as
 * this instance has it. What a follower is sent up to a heartbeat with a position contains everything that the journal
 * contained at that position (docs/feed.md).
 */
export class Feed<Client extends { clientId: string } = { clientId: string }> {
  readonly #options: FeedOptions<Client>
  readonly #frames = new FrameLog()
  readonly #recent: RecentEntries
  readonly #followers: Followers<Client>
  readonly #admissions: Admissions<Client>
  readonly #snapshots: Snapshots<CatchUp['end']>
  readonly #reads: JournalReads
  readonly #timers: NodeJS.Timeout[]
  readonly #checking: Repetition
  #page: Page | undefined
  #heartbeatAtMs = Number.NEGATIVE_INFINITY
  #positionAtMs = Number.NEGATIVE_INFINITY
  #isDraining = false

  constructor(options: FeedOptions<Client>) {
    const { revocations, registry, maxFollowers, clock, log, slowLimits, maxRecentEntries } = options
    this.#options = options
    this.#followers = new Followers(log, slowLimits)
    this.#recent = new RecentEntries(maxRecentEntries)
    this.#snapshots = new Snapshots(revocations.list, () => this.#cut())
    this.#reads = new JournalReads({
      read: () => revocations.readJournal(),
      gapMs: () => readGapMs(this.#followers.size),
    })
    this.#admissions = new Admissions({
      registry,
      maxFollowers,
      readJournal: () => this.#reads.now(),
      readAtMs: () => this.#page?.readAtMs ?? Number.NEGATIVE_INFINITY,
    })
    revocations.observe({
      onNews: (news, isInJournal) => this.#takeNews(news, isInJournal),
      onPage: (page, from, begunAtMs) => this.#takePage(page, from, begunAtMs),
      onLost: lost => this.#recent.replaceUnread(lost),
    })
    this.#timers = [
      setInterval(() => this.#tick(), TICK_MS).unref(),
      setInterval(() => this.#recent.sweep(clock()), SWEEP_MS).unref(),
    ]
    const work = () => this.#endRefused()
    this.#checking = repeat({ everyMs: CHECK_CLIENTS_MS, task: 'check the clients that follow the feed', work, log })
  }

  /** Followers of this instance, those of them for which receipts wait, and how many were disconnected as too slow. */
  get counts(): { followers: number; verifiers: number; disconnectedAsSlow: number } {
    const { size: followers, verifierCount: verifiers, slowCount: disconnectedAsSlow } = this.#followers
    return { followers, verifiers, disconnectedAsSlow }
  }

  /** How far the slowest follower of this instance is behind. */
  slowestFollower(): { lagBytes: number; blockedMs: number } {
    return this.#followers.slowest(performance.now())
  }

  /**
   * Reserves a place for a follower; a verifier is registered.
   *
   * @throws LatchkeyError shutting_down, revocations_stale, too_many_followers, verifier_id_taken, busy,
   *   store_unavailable
   */
  async admit(request: FollowRequest<Client>): Promise<Admission> {
    if (this.#isDraining) throw new LatchkeyError('shutting_down', { retryAfterSeconds: 1 })
    if (this.#page === undefined) throw new LatchkeyError('revocations_stale', { retryAfterSeconds: 1 })
    const admitted = await this.#admissions.admit(request)
    return { follow: response => this.#follow(request, admitted, response), abandon: () => admitted.leave(false) }
  }

  /** Ends a connection, if this instance has it: its verifier is connected elsewhere, or shows no sign of life. */
  disconnect(connectionId: string): void {
    this.#followers.get(connectionId)?.end()
  }

  /**
   * From now on followers are refused. Those that are connected are asked to connect to another instance, and are served
   * meanwhile.
   *
   * @param forMs - until their connections are ended
   */
  drain(forMs: number): void {
    this.#isDraining = true
    this.#followers.sendReconnect(forMs)
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.#isDraining = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#reads.stop()
    this.#followers.endAll()
    await this.#checking.stop()
  }

  #follow(request: FollowRequest<Client>, admitted: Admitted, response: FeedResponse): void {
    const { client, verifier, maxStalenessSeconds, lastEventId } = request
    const { connectionId, completeSinceMs } = admitted
    const missed = this.#missedBy(lastEventId)
    const catchUp = missed ?? this.#snapshots.join(performance.now())
    const start = { nowMs: performance.now(), timeMs: this.#options.clock(), isSnapshot: missed === undefined }
    response.write(encodeStart({ ...start, reportEveryMs: reportEveryMs(this.#followers.size) }))
    const follower: Follower<Client> = new Follower({
      connectionId,
      client,
      verifierId: verifier?.id,
      maxStalenessSeconds,
      completeSinceMs,
      endsAtMs: performance.now() + MAX_AGE_MS * (0.9 + 0.2 * Math.random()),
      response,
      frames: this.#frames,
      catchUp,
      lastPosition: () => this.#cut(),
      onWritable: () => this.#followers.pump(follower),
      onList: () => this.#followers.endPrevious(follower),
      onClose: () => {
        this.#followers.remove(follower)
        admitted.leave(follower.hasList)
        if (this.#followers.size === 0) this.#rest()
      },
    })
    this.#followers.add(follower)
    admitted.connected(() => follower.end())
    // The service began to stop while the place was reserved.
    if (this.#isDraining) follower.end()
  }

  /** What a follower that comes back missed; undefined if it needs a snapshot. */
  #missedBy(lastEventId: string | undefined): CatchUp | undefined {
    const id = lastEventId === undefined ? undefined : decodeEventId(lastEventId)
    const missed = id && this.#recent.since(id)
    if (!missed) return undefined
    const parts = partsOf(missed)
    return { next: () => parts.next().value, end: this.#cut(), close() {} }
  }

  /** Where a follower continues that is sent, besides, everything that the list contains now. */
  #cut(): CatchUp['end'] {
    const { id, position, readAtMs } = this.#page!
    return { heartbeat: this.#heartbeat(position, id), readAtMs, after: this.#frames.last }
  }

  #takeNews(news: readonly Revocation[], isInJournal: boolean): void {
    if (!isInJournal) this.#recent.addUnread(news)
    if (this.#followers.size === 0) return
    this.#frames.addEntries(news)
    this.#followers.pumpAll('news')
    // So that the position of the entries follows them soon.
    if (!isInJournal && this.#followers.verifierCount > 0) this.#reads.soon()
  }

  #takePage(page: JournalPage, from: JournalPosition | undefined, readAtMs: number): void {
    const hasNews = this.#recent.addPage(page, from)
    const { position: id, snapshot } = page
    this.#page = { id, position: `${id.serverStart}/${snapshot}`, readAtMs }
    if (this.#followers.size === 0) return
    if (hasNews || performance.now() - this.#positionAtMs > POSITION_HEARTBEAT_MS) this.#beat(this.#page)
  }

  #tick(): void {
    if (this.#followers.size === 0) return
    const nowMs = performance.now()
    if (nowMs - this.#heartbeatAtMs > HEARTBEAT_MS) this.#beat()
    this.#followers.tidy(nowMs)
    this.#snapshots.tidy(nowMs)
  }

  /** @param page - only right after it was read */
  #beat(page?: Page): void {
    this.#frames.addHeartbeat(this.#heartbeat(page?.position, page?.id), page?.readAtMs)
    this.#heartbeatAtMs = performance.now()
    if (page) this.#positionAtMs = this.#heartbeatAtMs
    this.#followers.pumpAll('heartbeat')
  }

  #heartbeat(position?: string, id?: FeedEventId): string {
    const { revocations, registry, clock } = this.#options
    const asOfMs = Math.min(revocations.asOfMs, registry.asOfLimitMs)
    return encodeHeartbeat(
      { asOfMs, timeMs: clock(), reportEveryMs: reportEveryMs(this.#followers.size), position },
      id,
    )
  }

  async #endRefused(): Promise<void> {
    if (this.#followers.size === 0) return
    const refused = await this.#options.findRefused([...this.#followers].map(({ options }) => options.client))
    for (const follower of [...this.#followers]) if (refused.has(follower.options.client)) follower.end()
  }

  /** Lets go of what is only for followers. */
  #rest(): void {
    this.#frames.forget()
    this.#snapshots.tidy(Number.POSITIVE_INFINITY)
  }
}
