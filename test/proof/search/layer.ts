const CHUNK_BYTES = 1 << 20

/** The states of one layer of a search, packed one behind the other. */
export class Layer {
  readonly #length: number
  readonly #statesPerChunk: number
  readonly #free: Uint8Array[]
  readonly #chunks: Uint8Array[] = []
  #size = 0

  /**
   * @param length - how many bytes each state has
   * @param before - the layer that is drained meanwhile: what it needs no more is used again
   */
  constructor(length: number, before?: Layer) {
    this.#length = length
    this.#statesPerChunk = Math.max(1, Math.floor(CHUNK_BYTES / length))
    this.#free = before ? before.#free : []
  }

  get size(): number {
    return this.#size
  }

  /** Keeps a copy. */
  push(state: Uint8Array): void {
    const within = this.#size % this.#statesPerChunk
    if (within === 0) this.#chunks.push(this.#free.pop() ?? new Uint8Array(this.#statesPerChunk * this.#length))
    this.#chunks.at(-1)!.set(state, within * this.#length)
    this.#size++
  }

  /** Calls back with each state in order, and forgets it after that, until there is none or the answer is false. */
  drain(take: (state: Uint8Array, index: number) => boolean): void {
    const state = new Uint8Array(this.#length)
    let index = 0
    for (let chunk = this.#chunks.shift(); chunk; chunk = this.#chunks.shift()) {
      const end = Math.min(this.#size, index + this.#statesPerChunk)
      for (let from = 0; index < end; index++, from += this.#length) {
        state.set(chunk.subarray(from, from + this.#length))
        if (!take(state, index)) return
      }
      this.#free.push(chunk)
    }
  }
}
