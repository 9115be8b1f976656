/** `refused` if the answer is a status that is no success. */
export type FailureKind = 'unreachable' | 'timeout' | 'redirect' | 'refused' | 'content'

/** A request that failed. The message is for operators: it names the address, and never a secret. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure'
  readonly kind: FailureKind
  /** The status of the answer, if there was one. */
  readonly status: number | undefined
  /** The error code in the body of the answer. */
  readonly code: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(
    kind: FailureKind,
    message: string,
    details: { status?: number; code?: string | undefined; retryAfterSeconds?: number | undefined } = {},
  ) {
    super(message)
    this.kind = kind
    this.status = details.status
    this.code = details.code
    this.retryAfterSeconds = details.retryAfterSeconds
  }
}

/** The reason that a person can act on; `fetch failed` has it in its cause. */
export function reasonOf(error: unknown): string {
  const reasons = new Set<string>()
  for (let at = error; at instanceof Error && reasons.size < 4; at = at.cause) {
    const inner: unknown = at instanceof AggregateError ? at.errors[0] : at
    const { message, code } = inner as { message?: unknown; code?: unknown }
    const text = String(message ?? '').trim()
    if (text !== '' && text !== 'fetch failed')
      reasons.add(typeof code === 'string' && !text.includes(code) ? `${code} ${text}` : text)
  }
  return [...reasons].join(': ').slice(0, 300) || 'no connection'
}
