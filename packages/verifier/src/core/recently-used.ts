/**
 * A map of limited size: a new entry replaces the one that was used least recently. An entry holds its place in the
 * order of use, so that a look-up costs one look-up in a map and a few assignments.
 */
export class RecentlyUsed<Key, Value> {
  readonly #max: number
  readonly #entries = new Map<Key, Entry<Key, Value>>()
  #newest: Entry<Key, Value> | undefined
  #oldest: Entry<Key, Value> | undefined

  /** @param max the number of entries; at least 1 */
  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: Key): Value | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (entry !== this.#newest) {
      this.#unlink(entry)
      this.#link(entry)
    }
    return entry.value
  }

  set(key: Key, value: Value): void {
    this.delete(key)
    if (this.#entries.size >= this.#max && this.#oldest) this.delete(this.#oldest.key)
    const entry = { key, value, older: undefined, newer: undefined }
    this.#entries.set(key, entry)
    this.#link(entry)
  }

  delete(key: Key): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#unlink(entry)
  }

  /** Removes every entry whose value is wanted no longer. */
  deleteWhere(isUnwanted: (value: Value) => boolean): void {
    for (const { key, value } of this.#entries.values()) if (isUnwanted(value)) this.delete(key)
  }

  #link(entry: Entry<Key, Value>): void {
    entry.older = this.#newest
    entry.newer = undefined
    if (this.#newest) this.#newest.newer = entry
    this.#newest = entry
    this.#oldest ??= entry
  }

  #unlink(entry: Entry<Key, Value>): void {
    if (entry.older) entry.older.newer = entry.newer
    else this.#oldest = entry.newer
    if (entry.newer) entry.newer.older = entry.older
    else this.#newest = entry.older
  }
}

interface Entry<Key, Value> {
  readonly key: Key
  readonly value: Value
  older: Entry<Key, Value> | undefined
  newer: Entry<Key, Value> | undefined
}
