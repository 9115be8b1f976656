import type { Verifier, VerifierError } from '@latchkey/verifier'

/** The same answer of a verifier to the same token, several times in a row. */
export interface Episode {
  /** `valid`, or the code with which the token is refused. */
  verdict: string
  /** When the first of these answers was given (`monotonicMs()`): what caused it happened before. */
  answeredAtMs: number
  /** When the last of them was asked for. */
  lastAskedAtMs: number
}

/** Milliseconds of a clock that all processes of a machine share, and that nobody can set. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

const PAUSE_MS = 15

/** Verifies the same tokens again and again, and keeps every change of the answers. It runs in any process. */
export class TokenWatch {
  readonly #verifier: Verifier
  readonly #tokens = new Map<number, { token: string; episodes: Episode[] }>()
  #timer: NodeJS.Timeout | undefined
  #turns = 0
  #isStopped = false

  constructor(verifier: Verifier) {
    this.#verifier = verifier
    this.#again()
  }

  watch(id: number, token: string): void {
    this.#tokens.set(id, { token, episodes: [] })
  }

  /** What was answered to each token, in the order of time. */
  get episodes(): [id: number, episodes: readonly Episode[]][] {
    return [...this.#tokens].map(([id, { episodes }]) => [id, episodes])
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  #again(): void {
    if (!this.#isStopped) this.#timer = setTimeout(() => void this.#turn().then(() => this.#again()), PAUSE_MS)
  }

  async #turn(): Promise<void> {
    const way = this.#turns++ % 2
    for (const watched of this.#tokens.values()) {
      const askedAtMs = monotonicMs()
      const verdict = await this.#ask(watched.token, way === 0)
      if (this.#isStopped) return
      const last = watched.episodes.at(-1)
      if (last?.verdict === verdict) last.lastAskedAtMs = askedAtMs
      else watched.episodes.push({ verdict, answeredAtMs: monotonicMs(), lastAskedAtMs: askedAtMs })
    }
  }

  /** As a service does: without waiting if the token is known. */
  async #ask(token: string, isSynchronous: boolean): Promise<string> {
    try {
      if (!isSynchronous || !this.#verifier.verifyKnown(token)) await this.#verifier.verify(token)
      return 'valid'
    } catch (error) {
      return (error as VerifierError).code ?? String(error)
    }
  }
}
