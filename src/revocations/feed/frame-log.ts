import { Buffer } from 'node:buffer'
import { encodeRevocation, encodeRevocations, MAX_ENTRIES, type Revocation } from '@latchkey/verifier/core'

/** Some events, serialised once for all followers. A follower that has sent it holds on to it, and so to what follows. */
export interface Frame {
  readonly bytes: Buffer
  /** The bytes of all frames up to the end of this one. */
  readonly end: number
  /** Only of a heartbeat with a position: when the read of the journal began. */
  readonly readAtMs: number | undefined
  next: Frame | undefined
}

/** What a follower writes at once. */
export interface Batch {
  bytes: Buffer
  /** The last frame of the batch. */
  last: Frame
}

const MAX_BATCH_BYTES = 65_536

/**
 * What all followers are sent, in its order. Nothing is kept for those to come: a frame can be collected as soon as no
 * follower has to send it any more, so the memory depends on the slowest one and not on their number.
 */
export class FrameLog {
  #last: Frame = { bytes: Buffer.alloc(0), end: 0, readAtMs: undefined, next: undefined }
  /** Entries as JSON, which the next frame will contain. */
  #pending: string[] = []
  #batch: { after: Frame; batch: Batch } | undefined

  /** The newest frame. What is added later comes after it. */
  get last(): Frame {
    this.seal()
    return this.#last
  }

  /** Adds entries. They are sealed together, so that many that arrive at once are a single event. */
  addEntries(revocations: readonly Revocation[]): void {
    for (const revocation of revocations) this.#pending.push(...encodeRevocation(revocation))
  }

  /** @param readAtMs - only of a heartbeat with a position */
  addHeartbeat(text: string, readAtMs?: number): void {
    this.seal()
    this.#append(text, readAtMs)
  }

  /** Puts the entries that were added into frames. */
  seal(): void {
    for (let start = 0; start < this.#pending.length; start += MAX_ENTRIES)
      this.#append(encodeRevocations(this.#pending.slice(start, start + MAX_ENTRIES)))
    if (this.#pending.length > 0) this.#pending = []
  }

  /** The frames after this one; undefined if there are none. Usually all followers ask for the same ones. */
  after(frame: Frame): Batch | undefined {
    this.seal()
    if (frame.next === undefined) return undefined
    if (this.#batch?.after === frame && this.#batch.batch.last.next === undefined) return this.#batch.batch
    const batch = join(frame.next)
    this.#batch = { after: frame, batch }
    return batch
  }

  /** Lets go of what was prepared for followers, when there are none. */
  forget(): void {
    this.#batch = undefined
  }

  #append(text: string, readAtMs?: number): void {
    const bytes = Buffer.from(text)
    const frame = { bytes, end: this.#last.end + bytes.length, readAtMs, next: undefined }
    this.#last.next = frame
    this.#last = frame
  }
}

function join(first: Frame): Batch {
  const parts = [first.bytes]
  let size = first.bytes.length
  let last = first
  while (last.next && size + last.next.bytes.length <= MAX_BATCH_BYTES) {
    last = last.next
    parts.push(last.bytes)
    size += last.bytes.length
  }
  return { bytes: parts.length === 1 ? first.bytes : Buffer.concat(parts, size), last }
}
