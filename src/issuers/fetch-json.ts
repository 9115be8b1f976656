import { request as requestWithoutTls } from 'node:http'
import { request } from 'node:https'
import { addressProblem } from '../lib/issuer-address.js'
import type { CallSpan, TraceCall } from '../lib/trace-call.js'

export interface FetchOptions {
  /** The certificates to trust instead of the system's, as PEM. */
  ca?: string | undefined
  /** Sent as a bearer token, by https only. */
  bearer?: string | undefined
}

/** For the whole request, with its answer. */
export const FETCH_TIMEOUT_MS = 5000
/** A set of keys has some kilobytes; one with certificate chains can have fifty. */
export const MAX_ANSWER_BYTES = 256 * 1024

/**
 * Gets a JSON document of an issuer. The time and the size are limited. Redirects are not followed: the address decides
 * who is trusted, so another one must be registered. Only https, or http to this machine.
 *
 * @param trace - if there are traces, makes a span of the request, and the issuer gets its id
 */
export async function fetchJson(
  address: string,
  { ca, bearer }: FetchOptions,
  trace: TraceCall = (_call, work) => work(undefined),
): Promise<unknown> {
  const problem = addressProblem(address)
  if (problem !== undefined) throw new Error(`${address} ${problem}`)
  const url = new URL(address)
  if (bearer !== undefined && url.protocol !== 'https:') throw new Error(`${url.origin} gets no token: it has no TLS`)
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS)
  try {
    const answer = await trace({ to: 'http', method: 'GET', url }, span =>
      readAnswer(url, { ca, bearer, signal, span }),
    )
    return JSON.parse(answer)
  } catch (error) {
    const reason = signal.aborted ? `no answer within ${FETCH_TIMEOUT_MS / 1000} seconds` : reasonOf(error)
    throw new Error(`GET ${url.origin}${url.pathname}: ${reason}`, { cause: error })
  }
}

function readAnswer(
  url: URL,
  { ca, bearer, signal, span }: FetchOptions & { signal: AbortSignal; span: CallSpan | undefined },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      accept: 'application/json, application/jwk-set+json',
      ...(bearer && { authorization: `Bearer ${bearer}` }),
      ...span?.headers,
    }
    const send = url.protocol === 'https:' ? request : requestWithoutTls
    // A connection of its own: the next request is minutes away.
    const sent = send(url, { headers, signal, agent: false, ...(ca !== undefined && { ca }) }, answer => {
      const { statusCode = 0 } = answer
      span?.answered(statusCode)
      const refuse = (message: string, code?: string) => {
        sent.destroy()
        reject(Object.assign(new Error(message), code && { code }))
      }
      if (statusCode !== 200) return refuse(`the answer is ${statusCode}`, String(statusCode))
      const chunks: Buffer[] = []
      let bytes = 0
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > MAX_ANSWER_BYTES) refuse(`the answer is larger than ${MAX_ANSWER_BYTES / 1024} KB`)
        else chunks.push(chunk)
      })
      answer.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
      answer.on('error', reject)
    })
    sent.on('error', reject)
    sent.end()
  })
}

/** The body is not quoted: only the operator's own log may show what an issuer answers. */
function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError) return 'the answer is not JSON'
  return error instanceof Error ? error.message : String(error)
}
