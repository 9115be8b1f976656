import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { signToken, type ToyKey, toyKey } from './toy-tokens.js'

/** A server that speaks as Latchkey does, for what the real service never says: cut, late, wrong and hostile answers. */
export interface ToyIssuer {
  url: string
  port: number
  client: { id: string; secret: string }
  /** Each request, as method and path. */
  requests: string[]
  /** The bodies of the reports. */
  reports: Report[]
  /** The headers of each request for the feed. */
  asked: { url: URL; headers: IncomingMessage['headers'] }[]
  keys: ToyKey[]
  /** Answers instead of the usual answer; by path. */
  override: Map<string, (request: IncomingMessage, response: ServerResponse) => void>
  /** What is sent to each follower at the start. */
  onFollow(stream: FeedStream): void
  streams: FeedStream[]
  /** A valid access token. */
  token(claims?: Record<string, unknown>, key?: ToyKey, header?: Record<string, unknown>): string
  /** Ends the server and every connection, at once. */
  stop(): Promise<void>
  /** Listens again on the same port. */
  restart(): Promise<void>
}

export interface Report {
  verifier?: string
  position?: string
  sessions?: { sid: string; gen: number; at: number }[]
  closing?: boolean
}

/** The answer to a follower. */
export interface FeedStream {
  isOpen: boolean
  raw(text: string): void
  start(more?: Record<string, unknown>): void
  entries(...entries: Record<string, unknown>[]): void
  /** @param xid if the list is complete up to here, and for `Last-Event-ID` */
  heartbeat(xid?: number, more?: Record<string, unknown>): void
  /** Cuts the connection. */
  cut(): void
  /** Ends the answer in good order. */
  end(): void
}

export async function startToyIssuer(t: Test): Promise<ToyIssuer> {
  const toy = {
    requests: [],
    reports: [],
    asked: [],
    streams: [],
    override: new Map(),
    keys: [toyKey()],
  } as never as ToyIssuer
  toy.client = { id: randomUUID(), secret: 'lk_cs_a-secret-of-the-tests-and-of-nothing-else' }
  toy.onFollow = stream => {
    stream.start()
    stream.heartbeat(1)
  }
  const server = createServer((request, response) => answer(toy, request, response))
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  toy.stop = async () => {
    for (const stream of toy.streams) stream.cut()
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  toy.restart = () => listen(toy.port)
  toy.token = (claims = {}, key = toy.keys[0]!, header = {}) => signToken(toy.url, claims, key, header)
  await listen(0)
  toy.port = (server.address() as AddressInfo).port
  toy.url = `http://127.0.0.1:${toy.port}`
  t.teardown(() => toy.stop().catch(() => {}))
  return toy
}

function answer(toy: ToyIssuer, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url!, toy.url)
  toy.requests.push(`${request.method} ${url.pathname}`)
  const override = toy.override.get(url.pathname)
  if (override) {
    override(request, response)
    return
  }
  const json = (value: unknown, headers = {}) =>
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
  switch (url.pathname) {
    case '/.well-known/jwks.json':
      json({ keys: toy.keys.map(({ jwk }) => jwk) }, { 'cache-control': 'public, max-age=300' })
      break
    case '/.well-known/oauth-authorization-server':
      json({ issuer: toy.url })
      break
    case '/oauth/token':
      json({ access_token: `client-token-${toy.requests.length}`, token_type: 'Bearer', expires_in: 300 })
      break
    case '/auth/activity':
      void bodyOf(request).then(body => {
        toy.reports.push(JSON.parse(body))
        response.writeHead(204).end()
      })
      break
    case '/auth/revocations': {
      toy.asked.push({ url, headers: request.headers })
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const stream = feedStream(response)
      toy.streams.push(stream)
      toy.onFollow(stream)
      break
    }
    default:
      response.writeHead(404, { 'content-type': 'application/problem+json' }).end('{"code":"not_found"}')
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  return Buffer.concat(await request.toArray()).toString()
}

/** When the database of the toy started. */
export const SERVER_START = '1795870000.123'

function feedStream(response: ServerResponse): FeedStream {
  const write = (event: string, data: unknown, id?: string) =>
    response.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  const stream: FeedStream = {
    isOpen: true,
    raw: text => void response.write(text),
    start: more =>
      void write('start', {
        version: 1,
        now_ms: performance.now(),
        time_ms: Date.now(),
        snapshot: true,
        report_every_ms: 50,
        ...more,
      }),
    entries: (...entries) => void write('revocations', entries),
    heartbeat: (xid, more) =>
      void write(
        'heartbeat',
        {
          as_of_ms: performance.now(),
          time_ms: Date.now(),
          ...(xid !== undefined && { position: `${SERVER_START}/${xid}:${xid}:` }),
          ...more,
        },
        xid === undefined ? undefined : `${SERVER_START}:${xid}`,
      ),
    cut: () => void response.destroy(),
    end: () => void response.end(),
  }
  response.on('close', () => {
    stream.isOpen = false
  })
  return stream
}
