const CHUNK_BYTES = 1 << 20

/** The states of one layer of a search, stored one after the other. */
export class Layer {
  readonly #length: number
  readonly #statesPerChunk: number
  readonly #free: Uint8Array[]
  readonly #chunks: Uint8Array[] = []
  #size = 0

  /**
   * @param length - how many bytes each state has
   * @param before - the layer that is drained meanwhile: its free memory is reused
   */
  constructor(length: number, before?: Layer) {
    this.#length = length
    this.#statesPerChunk = Math.max(1, Math.floor(CHUNK_BYTES / length))
    this.#free = before ? before.#free : []
  }

  get size(): number {
    return this.#size
  }

  /** Stores a copy of the state. */
  push(state: Uint8Array): void {
    const within = this.#size % this.#statesPerChunk
    if (within === 0) this.#chunks.push(this.#free.pop() ?? new Uint8Array(this.#statesPerChunk * this.#length))
    this.#chunks.at(-1)!.set(state, within * this.#length)
    this.#size++
  }

  /** Calls `take` with each state in order and then forgets it, until none is left or `take` returns false. */
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
