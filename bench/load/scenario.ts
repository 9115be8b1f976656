/** What the load generator sends, with how many connections, and for how long. */
export interface Plan {
  port: number
  connections: number
  warmUpSeconds: number
  seconds: number
  /**
   * Requests a second (open loop): they are sent at their times, however long the answers take. Without it, each
   * connection sends its next request when it has the answer to the one before (closed loop).
   */
  rate?: number
  scenario: Scenario
}

export type Scenario = Repeated | Once | Chains

/** Complete requests, which are sent in turn, again and again. */
export interface Repeated {
  kind: 'repeated'
  requests: readonly string[]
}

/** Complete requests, each of which is sent once. The measurement ends early when all are sent. */
export interface Once {
  kind: 'once'
  requests: readonly string[]
  /** The field of the JSON answers whose values are returned. */
  collect?: string
}

/**
 * Independent sessions: the answer to a request contains the token of the next request of the same session. A session
 * has at most one request at a time.
 */
export interface Chains {
  kind: 'chains'
  tokens: readonly string[]
  head: string
  /** Around the token, which needs no encoding. */
  body: readonly [before: string, after: string]
  /** The field of the JSON answer with the next token. */
  field: string
}

export interface Measured {
  requests: number
  seconds: number
  /** Answers by status, such as `{ 200: 41234 }`. */
  statuses: Record<string, number>
  /** Milliseconds, from the sending; in an open loop from the scheduled time. */
  latency: Latency
  /** Open loop: the most requests that waited for a connection. */
  longestQueue: number
  collected?: string[]
  /** The tokens of the chains at the end, for the next plan. */
  tokens?: string[]
}

export interface Latency {
  p50: number
  p99: number
  p999: number
  max: number
}

export function repeated(requests: readonly string[]): Repeated {
  return { kind: 'repeated', requests }
}

export function eachOnce(requests: readonly string[]): Once {
  return { kind: 'once', requests }
}

/** A complete request. `headers` are lines without their ends. */
export function request(method: string, path: string, headers: readonly string[], body?: string): string {
  const length = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  return `${[`${method} ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...headers, ...length].join('\r\n')}\r\n\r\n${body ?? ''}`
}

/** The same, for the head of chains: the length of the body is not known yet. */
export function headOf(method: string, path: string, headers: readonly string[]): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...headers].join('\r\n')
}
