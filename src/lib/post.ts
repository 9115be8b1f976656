import { Agent as AgentWithoutTls, type IncomingMessage, request as requestWithoutTls } from 'node:http'
import { Agent, request } from 'node:https'
import type { AllowedAddresses } from './allowed-addresses.js'
import { codeOf } from './error-facts.js'

export interface PostAnswer {
  status: number
  headers: IncomingMessage['headers']
  /** The first bytes of the body: up to the limit, or what arrived in time. */
  body: Buffer
}

export interface PostRequest {
  url: URL
  headers: Record<string, string>
  body: string
  /** Until the headers of the answer have arrived. The body has two seconds more at most. */
  timeoutMs: number
  /** Ends it early. */
  signal?: AbortSignal | undefined
  /** How much of the body of the answer is read; the rest is not. */
  maxAnswerBytes?: number
}

export interface Poster {
  /**
   * Sends it once; only if a kept connection turns out to be closed, it is sent again on a new one. A redirect is an answer
   * like any other: it is not followed.
   *
   * @throws Error with the reason, if there is no answer: among others RefusedAddressError
   */
  post(request: PostRequest): Promise<PostAnswer>
  /** Closes the connections that are kept. */
  close(): void
}

const MAX_ANSWER_BYTES = 64 * 1024
const MAX_HEADER_BYTES = 16 * 1024
const BODY_TIMEOUT_MS = 2000
/** For each receiver's server. With fewer than are used at a time, connections are opened and closed all the time. */
const MOST_KEPT = 32

/** Sends requests to servers that others run: to allowed addresses only, in limited time, and without redirects. */
export function createPoster(addresses: AllowedAddresses): Poster {
  // Without `maxSockets`: the receivers at one address would share them, and a slow one would keep the others waiting. How
  // many requests a receiver gets at the same time is decided by who sends them.
  const kept = { keepAlive: true, maxFreeSockets: MOST_KEPT, timeout: 30_000 }
  const withTls = { send: request, agent: new Agent(kept), lookup: addresses.lookupWithTls }
  const withoutTls = { send: requestWithoutTls, agent: new AgentWithoutTls(kept), lookup: addresses.lookupWithoutTls }

  return {
    async post(given) {
      const { url, timeoutMs, signal } = given
      addresses.check(url)
      const deadline = performance.now() + timeoutMs
      try {
        return await sendOnce(given, deadline)
      } catch (error) {
        if (!(error instanceof ClosedConnection) || signal?.aborted) throw error
        return sendOnce(given, deadline, { isAgain: true })
      }
    },
    close() {
      for (const { agent } of [withTls, withoutTls]) agent.destroy()
    },
  }

  function sendOnce(given: PostRequest, deadline: number, { isAgain = false } = {}): Promise<PostAnswer> {
    const { url, headers, body, timeoutMs, signal, maxAnswerBytes = MAX_ANSWER_BYTES } = given
    return new Promise((resolve, reject) => {
      const { send, agent, lookup } = url.protocol === 'https:' ? withTls : withoutTls
      const options = {
        method: 'POST',
        headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
        maxHeaderSize: MAX_HEADER_BYTES,
        // The other connections that were kept may be closed too.
        agent: isAgain ? false : agent,
        lookup,
      }
      let hasAnswer = false
      const sent = send(url, options, answer => {
        hasAnswer = true
        clearTimeout(timer)
        const { statusCode: status = 0, headers } = answer
        const chunks: Buffer[] = []
        let bytes = 0
        // The status says what the receiver did: a body that is endless or breaks off changes nothing about it.
        const finish = () => {
          clearTimeout(timer)
          resolve({ status, headers, body: Buffer.concat(chunks).subarray(0, maxAnswerBytes) })
        }
        timer = setTimeout(() => sent.destroy(), BODY_TIMEOUT_MS)
        answer.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          bytes += chunk.length
          if (bytes > maxAnswerBytes) sent.destroy()
        })
        answer.on('error', finish)
        answer.on('end', finish)
        answer.on('close', finish)
      })
      // One timer and one listener: an AbortSignal of its own for each request costs more than the rest of it.
      const noAnswer = () => sent.destroy(new Error(`no answer within ${timeoutMs / 1000} seconds`))
      let timer = setTimeout(noAnswer, Math.max(0, deadline - performance.now()))
      const stop = () => sent.destroy(signal?.reason)
      signal?.addEventListener('abort', stop)
      if (signal?.aborted) stop()
      sent.on('error', error => {
        if (hasAnswer) return
        reject(isClosed(error) && sent.reusedSocket ? new ClosedConnection(error) : error)
      })
      // Node.js reports neither an error nor an end of this request otherwise.
      sent.on('upgrade', (_answer, socket) => {
        socket.destroy()
        reject(new Error('the answer was 101 Switching Protocols'))
      })
      sent.on('close', () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', stop)
        if (!hasAnswer) reject(new Error('the connection was closed without an answer'))
      })
      sent.end(body)
    })
  }
}

/** The other side closed a kept connection at the moment at which this request was sent on it. */
class ClosedConnection extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause })
  }
}

function isClosed(error: Error): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(codeOf(error))
}
