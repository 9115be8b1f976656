import type { Problems } from '../problems.js'
import type { Transport } from '../transport/request.js'
import { fetchIssuer } from './fetch-issuer.js'

export interface IssuerCheckOptions {
  transport: Transport
  issuer: string
  problems: Problems
  onChecked(): void
}

/** How often a wrong issuer is compared again: the service may be corrected instead of this process. */
const REPEAT_MS = 10_000

/**
 * Compares the issuer with that of the service. A wrong one refuses every token, without a reason that anybody sees, so
 * that all users would be signed out because of one mistake in a setting.
 */
export class IssuerCheck {
  readonly #options: IssuerCheckOptions
  readonly #controller = new AbortController()
  #checking: Promise<void> | undefined
  #isOver = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: IssuerCheckOptions) {
    this.#options = options
  }

  /** What is wrong, in a sentence. */
  get problem(): string | undefined {
    return this.#options.problems.of('issuer')
  }

  /** Whether the first answer is waited for. */
  get isPending(): boolean {
    return this.#checking !== undefined && this.problem === undefined
  }

  /** Resolves when no question is unanswered. */
  async settled(): Promise<void> {
    await this.#checking
  }

  /** Asks, unless the service has confirmed the issuer. */
  start(): void {
    if (this.#isOver) return
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined
      this.#options.onChecked()
    })
  }

  close(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#controller.abort()
  }

  async #check(): Promise<void> {
    const { transport, issuer, problems } = this.#options
    clearTimeout(this.#timer)
    const found = await fetchIssuer(transport, this.#controller)
    if (this.#isOver) return
    if (found === issuer) {
      this.#isOver = true
      problems.end('issuer', `the tokens of ${transport.baseUrl} have the issuer ${issuer} now: tokens are verified`)
      return
    }
    if (found !== undefined)
      problems.report(
        'issuer',
        found,
        `the option \`issuer\` is ${issuer}, but the tokens of ${transport.baseUrl} have the issuer ${found}`,
        'error',
      )
    if (this.problem !== undefined) this.#timer = setTimeout(() => this.start(), REPEAT_MS).unref()
  }
}
