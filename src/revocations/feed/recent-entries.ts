import type { FeedEventId, Revocation } from '@latchkey/verifier/core'
import type { JournalPage, JournalPosition } from '../journal-follower.js'

/** How many entries of the journal are kept for followers that come back: minutes, at ten revocations a second. */
const MAX_RECENT = 10_000

interface RecentEntry {
  xid: bigint
  revocation: Revocation
}

/**
 * The newest part of the journal, for followers that come back: who has everything before a transaction gets the rest
 * from here, and not the whole list.
 */
export class RecentEntries {
  readonly #max: number
  #serverStart: string | undefined
  /** Everything that this transaction and later ones wrote, as far as it was read, is in `#entries`. */
  #completeFrom = 0n
  /** By their ids, in the order in which they were read. */
  readonly #entries = new Map<number, RecentEntry>()
  /** Entries of the list that no page of this server had: just announced, or lost in a failover. */
  #unread = new Map<string, Revocation>()

  constructor(max: number = MAX_RECENT) {
    this.#max = max
  }

  /** Takes entries that are new in the list and did not come from the journal. */
  addUnread(revocations: readonly Revocation[]): void {
    for (const revocation of revocations) this.#unread.set(keyOf(revocation), revocation)
  }

  /**
   * Takes a page, in the order of reading.
   *
   * @param from - undefined if the page is the whole journal of a server
   * @returns whether the page has entries that are not here
   */
  addPage({ entries, places, position }: JournalPage, from: JournalPosition | undefined): boolean {
    if (from === undefined) {
      this.#entries.clear()
      this.#completeFrom = 0n
    }
    this.#serverStart = position.serverStart
    let hasNews = false
    for (const [index, revocation] of entries.entries()) {
      const { id, xid } = places[index]!
      if (this.#unread.size > 0) this.#unread.delete(keyOf(revocation))
      if (this.#entries.has(id)) continue
      this.#entries.set(id, { xid: BigInt(xid), revocation })
      hasNews = true
      if (this.#entries.size > this.#max) this.#removeOldest()
    }
    return hasNews
  }

  /** @param lost - the entries of the list that the whole journal of another server lacks */
  replaceUnread(lost: readonly Revocation[]): void {
    this.#unread = new Map()
    this.addUnread(lost)
  }

  /**
   * What a follower misses that has everything that transactions before the id's wrote. Undefined if that is not known.
   */
  since({ serverStart, xid }: FeedEventId): Revocation[] | undefined {
    const from = BigInt(xid)
    if (serverStart !== this.#serverStart || from < this.#completeFrom || this.#unread.size > this.#max)
      return undefined
    const missed: Revocation[] = []
    for (const entry of this.#entries.values()) if (entry.xid >= from) missed.push(entry.revocation)
    for (const revocation of this.#unread.values()) missed.push(revocation)
    return missed
  }

  /** @param nowMs - milliseconds since the epoch */
  sweep(nowMs: number): void {
    for (const [key, { expiresAt }] of this.#unread)
      if (expiresAt !== null && expiresAt <= nowMs) this.#unread.delete(key)
  }

  #removeOldest(): void {
    const [id, { xid }] = this.#entries.entries().next().value!
    this.#entries.delete(id)
    if (xid >= this.#completeFrom) this.#completeFrom = xid + 1n
  }
}

/** The same for an entry that this instance announced and for its row in the journal. */
function keyOf(revocation: Revocation): string {
  const { reason: _reason, expiresAt: _expiresAt, ...refused } = revocation
  return JSON.stringify(Object.entries(refused).sort(([a], [b]) => (a < b ? -1 : 1)))
}
