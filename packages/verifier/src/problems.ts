import type { VerifierLog } from './types.js'

/** What can fail, each independently of the others. */
export type ProblemSubject = 'keys' | 'issuer' | 'feed' | 'staleness' | 'reports' | 'entries' | 'memory'

/** The problems that exist now. Each is logged once when it appears or changes, and once when it is over. */
export class Problems {
  readonly #log: VerifierLog
  readonly #present = new Map<ProblemSubject, { kind: string; message: string }>()

  constructor(log: VerifierLog) {
    this.#log = log
  }

  /** The newest problem, in a sentence. That the list is too old has a cause, which is named instead if it is known. */
  get last(): string | undefined {
    const present = [...this.#present]
    const cause = present.findLast(([subject]) => subject !== 'staleness')
    return (cause ?? present.at(-1))?.[1].message
  }

  of(subject: ProblemSubject): string | undefined {
    return this.#present.get(subject)?.message
  }

  /**
   * @param kind what makes it a different problem; the sentence can contain details that change each time
   * @param message a sentence without a secret
   */
  report(subject: ProblemSubject, kind: string, message: string, level: 'warn' | 'error' = 'warn'): void {
    const before = this.#present.get(subject)
    this.#present.delete(subject)
    this.#present.set(subject, { kind, message })
    if (before?.kind !== kind) this.#write(level, message)
  }

  /** @param message what is right again; logged only if there was a problem */
  end(subject: ProblemSubject, message: string): void {
    if (this.#present.delete(subject)) this.#write('warn', message)
  }

  info(message: string): void {
    this.#write('info', message)
  }

  /** A log that fails changes nothing for the verifier. */
  #write(level: 'info' | 'warn' | 'error', message: string): void {
    try {
      this.#log[level](message)
    } catch {}
  }
}
