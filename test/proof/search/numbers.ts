const CHUNK = 1 << 16

/** A list of 32-bit numbers that grows without copying. */
export class Numbers {
  readonly #chunks: Uint32Array[] = []
  #size = 0

  push(number: number): void {
    const within = this.#size % CHUNK
    if (within === 0) this.#chunks.push(new Uint32Array(CHUNK))
    this.#chunks.at(-1)![within] = number
    this.#size++
  }

  at(index: number): number {
    return this.#chunks[Math.floor(index / CHUNK)]![index % CHUNK]!
  }
}
