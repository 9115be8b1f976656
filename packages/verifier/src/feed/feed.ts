import { Pauses, type Principal, type Revocation, RevocationList, type TokenFacts } from '../core/index.js'
import type { VerifierSettings } from '../options.js'
import type { Problems } from '../problems.js'
import { readArrived } from '../transport/read-arrived.js'
import type { RequestFailure } from '../transport/request-failure.js'
import type { ClientCredentials } from './client-credentials.js'
import { ClientToken } from './client-token.js'
import { ageMs } from './feed-progress.js'
import { Follower } from './follower.js'
import { Reports } from './reports.js'

export interface FeedOptions {
  settings: Omit<VerifierSettings, 'client'> & { client: ClientCredentials }
  problems: Problems
  onKeyRevoked(kid: string): void
  /** Called when the list may have become complete or recent. */
  onNews(): void
}

const CHECK_INTERVAL_MS = 1000
const SWEEP_INTERVAL_MS = 60_000
/** Above this size an operator must watch the memory. No entry is ever dropped. */
const ALERT_SIZE = 1_000_000

/**
 * The list of revocations, kept up to date by the feed. A list that is too old decides nothing, except that it still
 * refuses what it knows to be revoked.
 */
export class Feed {
  readonly #list = new RevocationList()
  readonly #options: FeedOptions
  readonly #maxStalenessMs: number
  readonly #token: ClientToken
  readonly #follower: Follower
  readonly #reports: Reports
  readonly pauses = new Pauses(() => readArrived(() => this.#follower.reads))
  #timer: NodeJS.Timeout | undefined
  #sweptAtMs = 0
  #wasFresh = false

  constructor(options: FeedOptions) {
    const { settings } = options
    const monotonic = () => performance.now()
    this.#options = options
    this.#maxStalenessMs = settings.maxStalenessSeconds * 1000
    this.#token = new ClientToken({
      transport: settings,
      client: settings.client,
      issuer: settings.issuer,
      monotonic,
      longestPauseMs: () => this.#follower.longestPauseMs(),
    })
    this.#follower = new Follower({
      transport: settings,
      token: this.#token,
      name: settings.name,
      maxStalenessSeconds: settings.maxStalenessSeconds,
      now: () => ({ monotonicMs: performance.now(), wallMs: Date.now() }),
      onConnected: () => this.#connected(),
      onRevocations: revocations => this.#add(revocations),
      onHeartbeat: isNews => this.#heartbeat(isNews),
      onDisconnected: failure => this.#disconnected(failure),
    })
    this.#reports = new Reports({
      transport: settings,
      token: this.#token,
      monotonic,
      reached: () => {
        const { isComplete, verifierId, reader } = this.#follower
        const position = isComplete ? reader.progress.position : undefined
        return { verifierId, position, reportEveryMs: reader.reportEveryMs }
      },
      onReported: failure => this.#reported(failure),
    })
  }

  start(): void {
    this.#follower.start()
    this.pauses.start()
    this.#timer = setInterval(() => this.#check(), CHECK_INTERVAL_MS).unref()
  }

  get isLoaded(): boolean {
    return this.#follower.reader.progress.asOf !== undefined
  }

  isFresh(): boolean {
    return ageMs(this.#follower.reader.progress, performance.now(), Date.now()) <= this.#maxStalenessMs
  }

  refuses(token: TokenFacts): 'revoked' | 'stale' | 'undecided' | undefined {
    return this.#list.refuses(token) ?? (this.isFresh() ? undefined : 'undecided')
  }

  /** The issuer's clock, in milliseconds since the epoch, once it is known. */
  clock(): number | undefined {
    return this.#follower.reader.clock.at(performance.now())
  }

  /** The session of this token is active. */
  record(principal: Principal): void {
    if (this.#options.settings.reportActivity) this.#reports.record(principal, this.clock() ?? Date.now())
  }

  status() {
    const { reader, verifierId } = this.#follower
    const clockMs = this.clock()
    const age = ageMs(reader.progress, performance.now(), Date.now())
    return {
      connected: this.#follower.isConnected,
      position: reader.progress.position,
      revocations: this.#list.size,
      clockOffsetMs: clockMs === undefined ? undefined : Math.round(clockMs - Date.now()),
      verifierId,
      ageMs: Number.isFinite(age) ? Math.round(age) : undefined,
      ignoredEntries: reader.unknown + reader.malformed,
      droppedSightings: this.#reports.dropped,
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.pauses.stop()
    await this.#reports.close()
    this.#token.close()
    await this.#follower.close()
  }

  #add(revocations: readonly Revocation[]): void {
    for (const revocation of revocations) {
      this.#list.add(revocation)
      if (revocation.kind === 'key') this.#options.onKeyRevoked(revocation.subject)
    }
  }

  #connected(): void {
    const { problems, settings } = this.#options
    problems.end('feed', `follows the revocations of ${settings.baseUrl} again`)
  }

  #heartbeat(isNews: boolean): void {
    const { problems, settings, onNews } = this.#options
    if (this.#follower.reader.malformed > 0)
      problems.report(
        'entries',
        'malformed',
        'the feed contains revocations that this version cannot read: update @latchkey/verifier',
        'error',
      )
    if (!this.#wasFresh) {
      if (problems.of('staleness') === undefined) problems.info(`follows the revocations of ${settings.baseUrl}`)
      this.#check()
      onNews()
    }
    this.#reports.confirm(isNews)
  }

  #disconnected(failure: RequestFailure | undefined): void {
    const { problems, settings } = this.#options
    if (!failure) return
    const level = this.isFresh() ? 'warn' : 'error'
    const effect =
      level === 'warn'
        ? `revoked tokens are refused as far as they are known, for at most ${settings.maxStalenessSeconds} s`
        : 'no token is accepted'
    problems.report(
      'feed',
      `${failure.kind} ${failure.status ?? ''} ${level}`,
      `cannot follow revocations: ${failure.message}; ${effect}`,
      level,
    )
  }

  #reported(failure: RequestFailure | undefined): void {
    const { problems } = this.#options
    if (!failure) problems.end('reports', 'reports its position and activity again')
    else
      problems.report(
        'reports',
        `${failure.kind} ${failure.status ?? ''}`,
        `cannot report position and activity: ${failure.message}`,
      )
  }

  /** Notices what no event announces: that the list has become too old, and that entries have expired. */
  #check(): void {
    const { problems, settings } = this.#options
    const isFresh = this.isFresh()
    if (isFresh) problems.end('staleness', 'the list of revocations is recent again: tokens are accepted')
    else if (this.#wasFresh)
      problems.report(
        'staleness',
        'stale',
        `no news of revocations for ${settings.maxStalenessSeconds} s: every token is refused with 503 revocations_stale`,
        'error',
      )
    this.#wasFresh = isFresh
    const nowMs = performance.now()
    const clockMs = this.clock()
    if (clockMs !== undefined && isFresh && nowMs - this.#sweptAtMs >= SWEEP_INTERVAL_MS) {
      this.#sweptAtMs = nowMs
      this.#list.sweep(clockMs)
      if (this.#list.size > ALERT_SIZE)
        problems.report(
          'memory',
          'large',
          `${this.#list.size} revocations are in memory, and all are kept: check that this machine has enough`,
        )
      else problems.end('memory', 'fewer revocations are in memory again')
    }
  }
}
