const SEGMENTS = 256
const FIRST_SLOTS = 64
/** Two words of the fingerprint, and one more than the number of its state, which is 0 in a free slot. */
const WORDS = 3
/** Linear probing is slow above this load. */
const MAX_LOAD = 0.75

interface Segment {
  words: Uint32Array
  slots: number
  used: number
}

/**
 * The states that a search has seen, each as a fingerprint of 64 bits and its number. Two states with the same
 * fingerprint count as one: among 10^8 states the probability of any such pair is about 1 in 4,000.
 *
 * The table is divided into segments that grow one at a time, so that growing never needs twice the memory.
 */
export class Fingerprints {
  readonly #segments: Segment[] = Array.from({ length: SEGMENTS }, () => emptySegment(FIRST_SLOTS))
  #size = 0
  /** The last fingerprint taken, in two words: returning both would allocate in the innermost loop. */
  #low = 0
  #high = 0
  /** A copy of the state to take it from, as bytes and as words. */
  #words = new Uint32Array(0)
  #bytes = new Uint8Array(0)

  get size(): number {
    return this.#size
  }

  /** Gives a state the next number, from 0 on, if it was not seen before; returns whether it did. */
  add(state: Uint8Array): boolean {
    this.#take(state)
    const segment = this.#segments[this.#high >>> 24]!
    const at = place(segment, this.#low, this.#high)
    if (segment.words[at + 2] !== 0) return false
    segment.words[at] = this.#low
    segment.words[at + 1] = this.#high
    segment.words[at + 2] = ++this.#size
    segment.used++
    if (segment.used > segment.slots * MAX_LOAD) grow(segment)
    return true
  }

  /** The number that a state was given; undefined if it was not seen. */
  numberOf(state: Uint8Array): number | undefined {
    this.#take(state)
    const segment = this.#segments[this.#high >>> 24]!
    const number = segment.words[place(segment, this.#low, this.#high) + 2]!
    return number === 0 ? undefined : number - 1
  }

  /** Two lanes as in MurmurHash3, with different constants; each is mixed into the other at the end. */
  #take(state: Uint8Array): void {
    if (this.#bytes.length < state.length) {
      // Beyond the end there are zeros. They are harmless, as all states of a model have the same length.
      this.#words = new Uint32Array(Math.ceil(state.length / 4))
      this.#bytes = new Uint8Array(this.#words.buffer)
    }
    // A word at a time: most of a search is spent here.
    this.#bytes.set(state)
    const words = this.#words
    let a = 0x9747b28c ^ state.length
    let b = 0x3c6ef372
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!
      const k = Math.imul(word, 0xcc9e2d51)
      a ^= Math.imul((k << 15) | (k >>> 17), 0x1b873593)
      a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0
      const m = Math.imul(word, 0x239b961b)
      b ^= Math.imul((m << 16) | (m >>> 16), 0xab0e9789)
      b = (Math.imul((b << 17) | (b >>> 15), 5) + 0x561ccd1b) | 0
    }
    a = finish(a)
    b = finish(b ^ a)
    this.#low = finish(a + b) >>> 0
    this.#high = b >>> 0
  }
}

function finish(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

function emptySegment(slots: number): Segment {
  return { words: new Uint32Array(slots * WORDS), slots, used: 0 }
}

/** The place of a fingerprint, or the free one for it. */
function place({ words, slots }: Segment, low: number, high: number): number {
  const mask = slots - 1
  let slot = low & mask
  for (;;) {
    const at = slot * WORDS
    if (words[at + 2] === 0 || (words[at] === low && words[at + 1] === high)) return at
    slot = (slot + 1) & mask
  }
}

function grow(segment: Segment): void {
  const { words: old } = segment
  segment.slots *= 2
  segment.words = new Uint32Array(segment.slots * WORDS)
  for (let from = 0; from < old.length; from += WORDS) {
    if (old[from + 2] === 0) continue
    const to = place(segment, old[from]!, old[from + 1]!)
    segment.words.set(old.subarray(from, from + WORDS), to)
  }
}
