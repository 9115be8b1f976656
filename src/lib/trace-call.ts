/** What a span says about a call to another server. Nothing here may contain a value: no parameter, no key, no text of a client. */
export type OutgoingCall =
  /** `operation` is the name of a statement, or its first word and the table. */
  | { to: 'postgresql'; operation: string; table?: string | undefined }
  /** `script` is the name of the script that the command runs. */
  | { to: 'redis'; command: string; script?: string | undefined }
  | { to: 'http'; method: string; url: URL }

/** The span of a call that is in progress. */
export interface CallSpan {
  /** For another service that continues the trace (https://www.w3.org/TR/trace-context/). */
  readonly headers: Readonly<Record<string, string>>
  /** Says what the call is, if that was not known when it began. */
  describe(call: OutgoingCall): void
  /** The status of an answer over HTTP. */
  answered(status: number): void
}

/**
 * Makes a span of a call, below the span of the request that makes it. Only a process that is traced has this function;
 * the layers get it when they are created, and without it their code is the same as if there were no traces. `span` is
 * undefined for work of no request.
 */
export type TraceCall = <Answer>(
  call: OutgoingCall,
  work: (span: CallSpan | undefined) => Promise<Answer>,
) => Promise<Answer>
