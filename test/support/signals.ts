import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { createLocalJWKSet, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose'
import type { Test } from 'tap'
import { clientToken, makeClient } from './clients.js'

export const PUSH = 'urn:ietf:rfc:8935'
export const POLL = 'urn:ietf:rfc:8936'

/** A Security Event Token whose signature, type, issuer and audience are right. */
export interface ReceivedSet extends JWTPayload {
  jti: string
  txn: string
  sub_id: { format: string } & Record<string, unknown>
  /** The last part of the URI of its only event. */
  type: string
  /** What its event says. */
  event: Record<string, unknown>
}

/** A client with the scope `signals`: the receiver of events, with its own streams. */
export interface SignalClient {
  id: string
  /** A new access token. */
  token(): Promise<string>
  create(body?: object): Promise<LightMyRequestResponse>
  send(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, body?: object): Promise<LightMyRequestResponse>
  poll(streamId: string, body?: object): Promise<LightMyRequestResponse>
  /** Fetches everything that waits for a stream, and acknowledges it. */
  drain(streamId: string): Promise<ReceivedSet[]>
  verify(token: string): Promise<ReceivedSet>
}

export async function signalClient(app: FastifyInstance): Promise<SignalClient> {
  const client = await makeClient(app, 'signals')
  const self: SignalClient = {
    id: client.id,
    token: () => clientToken(app, client),
    create: (body = {}) => self.send('POST', '/ssf/streams', body),
    async send(method, url, payload) {
      // A new one each time: the test may have moved the clock.
      const authorization = `Bearer ${await self.token()}`
      return app.inject({ method, url, headers: { authorization }, ...(payload && { payload }) })
    },
    poll: (streamId, body = {}) => self.send('POST', `/ssf/poll/${streamId}`, { returnImmediately: true, ...body }),
    async drain(streamId) {
      const received: ReceivedSet[] = []
      for (let ack: string[] = []; ; ) {
        const { sets, moreAvailable } = (await self.poll(streamId, { ack })).json()
        for (const [jti, token] of Object.entries<string>(sets)) {
          const set = await self.verify(token)
          if (set.jti !== jti) throw new Error(`the token of ${jti} has the jti ${set.jti}`)
          received.push(set)
        }
        ack = Object.keys(sets)
        if (ack.length === 0 && !moreAvailable) return received
      }
    },
    verify: token => verifySet(app, client.id, token),
  }
  return self
}

async function verifySet(app: FastifyInstance, audience: string, token: string): Promise<ReceivedSet> {
  const keys = createLocalJWKSet((await app.inject('/.well-known/jwks.json')).json())
  const { issuer } = app.context.config
  const currentDate = new Date(app.context.clock())
  const { payload } = await jwtVerify(token, keys, { issuer, audience, typ: 'secevent+jwt', currentDate })
  const { typ } = decodeProtectedHeader(token)
  const [uri, ...others] = Object.keys(payload.events as object)
  if (typ !== 'secevent+jwt' || uri === undefined || others.length > 0 || 'sub' in payload || 'exp' in payload)
    throw new Error(`this is no SET of Shared Signals: ${JSON.stringify(payload)}`)
  const event = (payload.events as Record<string, Record<string, unknown>>)[uri]!
  return { ...payload, type: uri.slice(uri.lastIndexOf('/') + 1), event } as ReceivedSet
}

export interface PushReceiver {
  url: string
  /** Every token that arrived, in order. */
  readonly arrived: readonly { token: string; headers: IncomingMessage['headers'] }[]
  /** How the next pushes are answered; with 202 at first. It must end the response. */
  answer(response: ServerResponse, token: string): unknown
}

/** A server of a receiver of pushes (RFC 8935). It ends with the test. */
export async function startPushReceiver(t: Test): Promise<PushReceiver> {
  const arrived: { token: string; headers: IncomingMessage['headers'] }[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const token = Buffer.concat(chunks).toString()
    arrived.push({ token, headers: request.headers })
    await receiver.answer(response, token)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const receiver: PushReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    arrived,
    answer: response => response.writeHead(202).end(),
  }
  return receiver
}
