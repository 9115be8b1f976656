import type { Revocation } from '../core/index.js'
import { advanced, disconnected, type FeedProgress, type FeedStep, type Instant, NO_PROGRESS } from './feed-progress.js'
import { IssuerClock } from './issuer-clock.js'

export interface FeedReaderOptions {
  /** Both clocks of this machine. */
  now(): Instant
  /** The first event of a connection has arrived. */
  onConnected(): void
  onRevocations(revocations: readonly Revocation[]): void
  /**
   * Called after each heartbeat by which the list is complete.
   *
   * @param isNews whether the position should be reported at once: it covers revocations that it did not cover before
   */
  onHeartbeat(isNews: boolean): void
}

/**
 * What all connections to the feed have brought together; connection-reader.ts reads each of them. Two can be open at the same time: each of them says what it has
 * sent, so what one says is true whatever the other one brings.
 */
export class FeedReader {
  /** The issuer's clock, as the feed tells it. */
  readonly clock = new IssuerClock()
  /** The service wants to know the position at most this often. */
  reportEveryMs = 1000
  /** How long the service asks to wait before the next connection, at most. */
  retryMs = 1000
  /** How many entries and events only a newer version of this package knows. */
  unknown = 0
  /** How many entries could not be read. */
  malformed = 0
  /** Without a connection: each one has its own. */
  progress: FeedProgress = NO_PROGRESS
  readonly options: FeedReaderOptions

  constructor(options: FeedReaderOptions) {
    this.options = options
  }

  /** Takes what an event says. */
  advance(
    before: FeedProgress,
    step: FeedStep,
    { timeMs, reportEveryMs }: { timeMs: number; reportEveryMs: number | undefined },
  ): FeedProgress {
    const receivedAt = this.options.now()
    const after = advanced(before, step, receivedAt)
    this.progress = disconnected(after)
    this.clock.compare(timeMs, receivedAt.monotonicMs)
    this.reportEveryMs = reportEveryMs ?? this.reportEveryMs
    return after
  }
}
