import { Buffer } from 'node:buffer'
import { encodeRevocation, encodeRevocations, MAX_ENTRIES, type Revocation } from '@latchkey/verifier/core'

/** For so long a snapshot that has begun is joined, so that followers that come together share the work. */
const JOIN_MS = 1000
/** How far the readers of one snapshot can be apart; everything between them is in memory. */
const MAX_APART = 256

/** A part of a snapshot; `next` is made when the first reader needs it. */
interface Part {
  bytes: Buffer | undefined
  next: Part | undefined
}

/** One pass through the list. Its parts are collected as soon as all of its readers have passed them. */
interface Pass<Cut> {
  readonly cut: Cut
  readonly parts: Iterator<Buffer>
  readonly readers: Set<SnapshotReader<Cut>>
  made: number
}

/**
 * Snapshots of the list as events. Each is read from the list part by part, as fast as its followers read, while the
 * list changes: what is added meanwhile is also in the log, and adding an entry twice changes nothing.
 */
export class Snapshots<Cut> {
  readonly #list: { entries(): Iterable<Revocation> }
  readonly #cutNow: () => Cut
  #joinable: { pass: Pass<Cut>; first: Part; untilMs: number } | undefined
  readonly #passes = new Set<Pass<Cut>>()

  /** @param cutNow - called before the first entry is read: from where a reader continues after the snapshot */
  constructor(list: { entries(): Iterable<Revocation> }, cutNow: () => Cut) {
    this.#list = list
    this.#cutNow = cutNow
  }

  /** @param nowMs - `performance.now()` */
  join(nowMs: number): SnapshotReader<Cut> {
    if (!this.#joinable || this.#joinable.untilMs <= nowMs) {
      const first: Part = { bytes: undefined, next: undefined }
      this.#joinable = { pass: this.#begin(), first, untilMs: nowMs + JOIN_MS }
    }
    const { pass, first } = this.#joinable
    return new SnapshotReader(this, pass, first)
  }

  /**
   * Ends the time in which a snapshot is joined, and lets readers that are far behind the others of their snapshot begin
   * again by themselves.
   */
  tidy(nowMs: number): void {
    if (this.#joinable && this.#joinable.untilMs <= nowMs) this.#joinable = undefined
    for (const pass of this.#passes)
      for (const reader of pass.readers)
        if (pass.readers.size > 1 && pass.made - reader.taken > MAX_APART) reader.beginAgain(this.#begin())
  }

  /** The reader needs no more of its snapshot. */
  leave(pass: Pass<Cut>, reader: SnapshotReader<Cut>): void {
    pass.readers.delete(reader)
    if (pass.readers.size === 0) this.#passes.delete(pass)
  }

  enter(pass: Pass<Cut>, reader: SnapshotReader<Cut>): void {
    pass.readers.add(reader)
    this.#passes.add(pass)
  }

  #begin(): Pass<Cut> {
    return { cut: this.#cutNow(), parts: partsOf(this.#list.entries()), readers: new Set(), made: 0 }
  }
}

/** One follower's place in a snapshot. */
export class SnapshotReader<Cut> {
  readonly #snapshots: Snapshots<Cut>
  #pass: Pass<Cut>
  #at: Part
  /** How many parts it has taken. */
  taken = 0

  constructor(snapshots: Snapshots<Cut>, pass: Pass<Cut>, first: Part) {
    this.#snapshots = snapshots
    this.#pass = pass
    this.#at = first
    snapshots.enter(pass, this)
  }

  get end(): Cut {
    return this.#pass.cut
  }

  /** The next events; undefined at the end. */
  next(): Buffer | undefined {
    if (!this.#at.next) {
      this.#at.next = { bytes: this.#pass.parts.next().value, next: undefined }
      this.#pass.made++
    }
    const { next } = this.#at
    if (next.bytes === undefined) return undefined
    this.#at = next
    this.taken++
    return next.bytes
  }

  beginAgain(pass: Pass<Cut>): void {
    this.close()
    this.#pass = pass
    this.#at = { bytes: undefined, next: undefined }
    this.taken = 0
    this.#snapshots.enter(pass, this)
  }

  close(): void {
    this.#snapshots.leave(this.#pass, this)
  }
}

/** Entries as events, one at a time. */
export function* partsOf(revocations: Iterable<Revocation>): Generator<Buffer, undefined> {
  let entries: string[] = []
  for (const revocation of revocations) {
    // Two entries at most.
    if (entries.length > MAX_ENTRIES - 2) {
      yield Buffer.from(encodeRevocations(entries))
      entries = []
    }
    entries.push(...encodeRevocation(revocation))
  }
  if (entries.length > 0) yield Buffer.from(encodeRevocations(entries))
  return undefined
}
