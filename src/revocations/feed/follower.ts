import type { Buffer } from 'node:buffer'
import { encodeReconnect, encodeRetry } from '@latchkey/verifier/core'
import type { Frame, FrameLog } from './frame-log.js'
import { randomRetryMs } from './pace.js'

/** The part of an HTTP response that a follower writes to. */
export interface FeedResponse {
  write(bytes: Buffer | string): boolean
  end(): void
  destroy(): void
  on(event: 'drain' | 'close' | 'error', listener: () => void): unknown
}

/** Where a follower stands after what it is sent first. */
export interface CatchUp {
  /** The next events of a snapshot, or of what it missed; undefined at the end. */
  next(): Buffer | undefined
  /** Read at the end: the heartbeat that ends it, when the journal was read for that heartbeat, and what follows. */
  readonly end: { heartbeat: string; readAtMs: number; after: Frame }
  close(): void
}

export interface FollowerOptions<Client> {
  connectionId: string
  client: Client
  /** Undefined for an observer, which no receipt waits for. */
  verifierId: string | undefined
  maxStalenessSeconds: number
  /** No id is sent before the journal was read after this (`performance.now()`). */
  completeSinceMs: number
  /** When the connection must end. */
  endsAtMs: number
  response: FeedResponse
  frames: FrameLog
  catchUp: CatchUp
  /** A heartbeat with the last position, for a follower that was sent everything that this instance knows. */
  lastPosition(): Pick<CatchUp['end'], 'heartbeat' | 'readAtMs'>
  /** More can be written. */
  onWritable(): void
  /** Its list is complete: an id was sent. */
  onList(): void
  onClose(): void
}

/** How long a response can take until it is completely sent, at the end of a connection. */
const END_TIMEOUT_MS = 5000

/** One connection: its place in what all followers are sent, and what it can still be sent at the moment. */
export class Follower<Client = unknown> {
  readonly options: FollowerOptions<Client>
  readonly #response: FeedResponse
  #catchUp: CatchUp | undefined
  #after: Frame
  /** Since when the client does not read as fast as is written (`performance.now()`). */
  #blockedSinceMs: number | undefined
  #isOver = false
  #awaitsPosition = true
  #retryWindowMs = 0
  /** When it must have opened another connection, if it was asked to. */
  #reconnectBeforeMs = Number.POSITIVE_INFINITY

  constructor(options: FollowerOptions<Client>) {
    this.options = options
    this.#response = options.response
    this.#catchUp = options.catchUp
    this.#after = options.catchUp.end.after
    this.#response.on('drain', () => {
      this.#blockedSinceMs = undefined
      options.onWritable()
    })
    // A connection that breaks is closed next.
    this.#response.on('error', () => {})
    this.#response.on('close', () => this.#close())
  }

  /** Whether it was asked for another connection. */
  get hasReconnect(): boolean {
    return this.#reconnectBeforeMs < Number.POSITIVE_INFINITY
  }

  /** Whether an id was sent: the client may have the whole list. */
  get hasList(): boolean {
    return !this.#awaitsPosition
  }

  /**
   * Writes the next of what the follower was not sent yet, if its connection takes it.
   *
   * @returns whether it takes more
   */
  pump(): boolean {
    if (this.#isOver || this.#blockedSinceMs !== undefined) return false
    const bytes = this.#next()
    if (bytes === undefined) return false
    this.#write(bytes)
    return this.#blockedSinceMs === undefined
  }

  /** Sends how long to wait before connecting again, if this has become much longer. */
  sendRetry(windowMs: number): void {
    if (windowMs < 2 * this.#retryWindowMs || this.#isOver) return
    this.#retryWindowMs = windowMs
    this.#write(encodeRetry(randomRetryMs(windowMs)))
  }

  /**
   * Asks for another connection, unless that was asked before; this one goes on until it is ended.
   *
   * @param retryWindowMs - within what time all followers come back that lose their connections together
   */
  sendReconnect(withinMs: number, retryWindowMs: number, nowMs: number): void {
    if (nowMs + withinMs >= this.#reconnectBeforeMs || this.#isOver) return
    this.#reconnectBeforeMs = nowMs + withinMs
    this.#write(encodeRetry(randomRetryMs(retryWindowMs)) + encodeReconnect(withinMs))
  }

  /** How many bytes there are that were not written to it yet. */
  get lagBytes(): number {
    return this.options.frames.last.end - (this.#catchUp?.end.after ?? this.#after).end
  }

  /** For how long the client has read nothing of what was written. */
  blockedMs(nowMs: number): number {
    return this.#blockedSinceMs === undefined ? 0 : nowMs - this.#blockedSinceMs
  }

  /** Whether the client reads too slowly: nothing for some time, or much less than there is. */
  isSlow(nowMs: number, limits: { stallMs: number; lagBytes: number }): boolean {
    return this.lagBytes > limits.lagBytes || this.blockedMs(nowMs) > limits.stallMs
  }

  /** Ends the connection in an orderly way. */
  end(): void {
    if (this.#isOver) return
    this.#close()
    this.#response.end()
    setTimeout(() => this.#response.destroy(), END_TIMEOUT_MS).unref()
  }

  /** Ends the connection at once, whatever the client has not read yet. */
  destroy(): void {
    this.#close()
    this.#response.destroy()
  }

  #next(): Buffer | string | undefined {
    if (this.#catchUp) {
      const bytes = this.#catchUp.next()
      if (bytes !== undefined) return bytes
      return this.#caughtUp(this.#catchUp)
    }
    // Frames go one by one as long as some of them must be left out.
    if (this.#awaitsPosition) return this.#nextBeforePosition()
    const batch = this.options.frames.after(this.#after)
    if (batch === undefined) return undefined
    this.#after = batch.last
    return batch.bytes
  }

  #caughtUp(catchUp: CatchUp): Buffer | string | undefined {
    const { heartbeat, readAtMs, after } = catchUp.end
    this.#after = after
    this.#catchUp = undefined
    catchUp.close()
    if (readAtMs < this.options.completeSinceMs) return this.#next()
    this.#endWait()
    return heartbeat
  }

  /** A position from before the verifier was registered would end its snapshot too early. */
  #nextBeforePosition(): Buffer | string | undefined {
    for (let { next } = this.#after; next; next = next.next) {
      this.#after = next
      if (next.readAtMs === undefined) return next.bytes
      if (next.readAtMs < this.options.completeSinceMs) continue
      this.#endWait()
      return next.bytes
    }
    const { heartbeat, readAtMs } = this.options.lastPosition()
    if (readAtMs < this.options.completeSinceMs) return undefined
    this.#endWait()
    return heartbeat
  }

  /** What is written next has the first id. */
  #endWait(): void {
    this.#awaitsPosition = false
    // Not before it is written.
    setImmediate(() => this.options.onList())
  }

  #write(bytes: Buffer | string): void {
    if (!this.#response.write(bytes)) this.#blockedSinceMs ??= performance.now()
  }

  #close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#catchUp?.close()
    this.#catchUp = undefined
    this.options.onClose()
  }
}
