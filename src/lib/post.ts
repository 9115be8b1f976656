import { Agent as AgentWithoutTls, type IncomingMessage, request as requestWithoutTls } from 'node:http'
import { Agent, request } from 'node:https'
import type { AllowedAddresses } from './allowed-addresses.js'

export interface PostAnswer {
  status: number
  headers: IncomingMessage['headers']
  /** The first bytes of the body, up to the limit. */
  body: Buffer
}

export interface PostRequest {
  url: URL
  headers: Record<string, string>
  body: string
  /** For the whole request, with its answer. */
  timeoutMs: number
  /** Ends it early. */
  signal?: AbortSignal | undefined
  /** How much of the body of the answer is read; the rest is not. */
  maxAnswerBytes?: number
}

export interface Poster {
  /**
   * Sends it once. A redirect is an answer like any other: it is not followed.
   *
   * @throws Error with the reason, if there is no answer: among others RefusedAddressError
   */
  post(request: PostRequest): Promise<PostAnswer>
  /** Closes the connections that are kept. */
  close(): void
}

const MAX_ANSWER_BYTES = 64 * 1024

/** Sends requests to servers that others run: to allowed addresses only, in limited time, and without redirects. */
export function createPoster(addresses: AllowedAddresses): Poster {
  const kept = { keepAlive: true, maxSockets: 16, maxFreeSockets: 4, timeout: 30_000 }
  const withTls = { send: request, agent: new Agent(kept), lookup: addresses.lookupWithTls }
  const withoutTls = { send: requestWithoutTls, agent: new AgentWithoutTls(kept), lookup: addresses.lookupWithoutTls }

  return {
    async post({ url, headers, body, timeoutMs, signal, maxAnswerBytes = MAX_ANSWER_BYTES }) {
      addresses.check(url)
      const timeout = AbortSignal.timeout(timeoutMs)
      const ended = signal ? AbortSignal.any([signal, timeout]) : timeout
      try {
        return await sendOnce(url, headers, body, ended, maxAnswerBytes)
      } catch (error) {
        if (signal?.aborted) throw error
        if (timeout.aborted) throw new Error(`no answer within ${timeoutMs / 1000} seconds`, { cause: error })
        throw error
      }
    },
    close() {
      for (const { agent } of [withTls, withoutTls]) agent.destroy()
    },
  }

  function sendOnce(
    url: URL,
    headers: Record<string, string>,
    body: string,
    signal: AbortSignal,
    maxAnswerBytes: number,
  ): Promise<PostAnswer> {
    return new Promise((resolve, reject) => {
      const { send, agent, lookup } = url.protocol === 'https:' ? withTls : withoutTls
      const options = {
        method: 'POST',
        headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
        agent,
        lookup,
        signal,
      }
      const sent = send(url, options, answer => {
        const { statusCode: status = 0, headers } = answer
        const chunks: Buffer[] = []
        let bytes = 0
        const finish = () => resolve({ status, headers, body: Buffer.concat(chunks).subarray(0, maxAnswerBytes) })
        answer.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          bytes += chunk.length
          if (bytes <= maxAnswerBytes) return
          finish()
          sent.destroy()
        })
        answer.on('end', finish)
        answer.on('error', reject)
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }
}
