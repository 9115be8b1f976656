import type { Buffer } from 'node:buffer'
import { type ClientRequest, type IncomingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import {
  decodeHeartbeat,
  decodeReconnect,
  decodeRevocations,
  decodeStart,
  type FeedHeartbeat,
  type FeedStart,
  type Revocation,
} from '@latchkey/verifier/core'
import type { Test } from 'tap'
import { until } from './eventually.js'

/** An event as it arrived. */
export interface FeedEvent {
  name: string
  data: string
  id: string | undefined
  /** When it arrived (`performance.now()`). */
  atMs: number
}

export interface FollowOptions {
  /** Without `/auth/revocations`. */
  url: string
  token: string
  /** The query. */
  query?: Record<string, string>
  lastEventId?: string | undefined
  headers?: Record<string, string>
}

/** A follower that keeps everything it receives. */
export class FeedFollower {
  readonly events: FeedEvent[] = []
  readonly retries: number[] = []
  status = 0
  headers: IncomingHttpHeaders = {}
  /** The body of an answer that is no stream. */
  body = ''
  isEnded = false
  /** Whether the service ended the answer in an orderly way. */
  isComplete = false
  readonly #request: ClientRequest
  readonly #answered: Promise<void>
  #text = ''

  constructor({ url, token, query = {}, lastEventId, headers = {} }: FollowOptions) {
    const address = `${url}/auth/revocations?${new URLSearchParams(query)}`
    const sent = { authorization: `Bearer ${token}`, ...(lastEventId && { 'last-event-id': lastEventId }), ...headers }
    this.#request = request(address, { agent: false, headers: sent })
    this.#answered = new Promise((resolve, reject) => {
      this.#request.on('response', response => {
        this.status = response.statusCode!
        this.headers = response.headers
        response.on('data', (chunk: Buffer) => this.#take(chunk))
        response.on('error', () => {})
        response.on('end', () => {
          this.isComplete = true
        })
        response.on('close', () => {
          this.isEnded = true
          if (this.status !== 200) resolve()
        })
        if (this.status === 200) resolve()
      })
      this.#request.on('error', error => {
        this.isEnded = true
        reject(error)
      })
      this.#request.on('close', () => {
        this.isEnded = true
      })
    })
    this.#answered.catch(() => {})
    this.#request.end()
  }

  /** Resolves with the status, and the whole body of a refusal. */
  async answered(): Promise<number> {
    await this.#answered
    return this.status
  }

  get start(): FeedStart | undefined {
    const event = this.events.find(({ name }) => name === 'start')
    return event && decodeStart(event.data)
  }

  get revocations(): Revocation[] {
    return this.events
      .filter(({ name }) => name === 'revocations')
      .flatMap(({ data }) => decodeRevocations(data).revocations)
  }

  get heartbeats(): FeedHeartbeat[] {
    return this.events.filter(({ name }) => name === 'heartbeat').map(({ data }) => decodeHeartbeat(data)!)
  }

  get reconnect(): number | undefined {
    const event = this.events.find(({ name }) => name === 'reconnect')
    return event && decodeReconnect(event.data)
  }

  /** What to send as Last-Event-ID. */
  get lastEventId(): string | undefined {
    return this.events.findLast(({ id }) => id !== undefined)?.id
  }

  get sessionIds(): string[] {
    return this.revocations.flatMap(entry => (entry.kind === 'session' ? [entry.subject] : []))
  }

  /** Waits until the snapshot, or the part that was missed, is complete. */
  async complete(): Promise<this> {
    await this.answered()
    await until(() => this.lastEventId !== undefined, 'the first id', 60_000)
    return this
  }

  pause(): void {
    this.#request.socket?.pause()
  }

  close(): void {
    this.#request.destroy()
  }

  #take(chunk: Buffer): void {
    this.#text += chunk.toString('utf8')
    if (this.status !== 200) {
      this.body = this.#text
      return
    }
    const blocks = this.#text.split('\n\n')
    this.#text = blocks.pop()!
    for (const block of blocks) this.#takeBlock(block)
  }

  #takeBlock(block: string): void {
    const fields = new Map(block.split('\n').map(line => line.split(/: (.*)/s, 2) as [string, string]))
    const retry = fields.get('retry')
    if (retry !== undefined) this.retries.push(Number(retry))
    const name = fields.get('event')
    if (name === undefined) return
    this.events.push({ name, data: fields.get('data')!, id: fields.get('id'), atMs: performance.now() })
  }
}

/** Follows the feed until the test ends. */
export function follow(t: Test, options: FollowOptions): FeedFollower {
  const follower = new FeedFollower(options)
  t.teardown(() => follower.close())
  return follower
}

/** Sends a request for the feed, and reads nothing of the answer. */
export function followWithoutReading(t: Test, port: number, token: string, query = ''): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.pause()
  socket.write(`GET /auth/revocations${query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`)
  t.teardown(() => socket.destroy())
  return socket
}
