import type { Background } from '../lib/background.js'
import type { BlacklistProgress, RevocationChannel } from './revocation-channel.js'

/**
 * Completes the blacklist, one copy at a time. Entries that are read meanwhile wait and are copied together: a long
 * journal takes seconds to copy, and each page in between would find the blacklist incomplete and copy all of it again.
 */
export class BlacklistCopy {
  readonly #channel: Pick<RevocationChannel, 'complete'>
  readonly #background: Background
  #isCopying = false
  #uncopied: BlacklistProgress | undefined

  constructor(channel: Pick<RevocationChannel, 'complete'>, background: Background) {
    this.#channel = channel
    this.#background = background
  }

  /** Copies in the background what was read from the journal. */
  add(progress: BlacklistProgress): void {
    const before = this.#uncopied
    // If one of the two is the whole journal, so are both together.
    this.#uncopied = before
      ? { ...progress, from: progress.from && before.from, entries: [...before.entries, ...progress.entries] }
      : progress
    if (this.#isCopying) return
    this.#isCopying = true
    this.#background.run('write missing revocations to the blacklist in Redis', async () => {
      try {
        for (let next = this.#take(); next; next = this.#take()) await this.#channel.complete(next)
      } finally {
        this.#isCopying = false
      }
    })
  }

  #take(): BlacklistProgress | undefined {
    const uncopied = this.#uncopied
    this.#uncopied = undefined
    return uncopied
  }
}
