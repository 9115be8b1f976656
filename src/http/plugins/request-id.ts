import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** The header of every answer, by which support finds a request in the log (docs/logging.md). */
export const REQUEST_ID_HEADER = 'x-request-id'

/**
 * Sends the id of the request with every answer. Register it first, because every hook can answer. Answers without
 * hooks, in server/fastify-options.ts, set the header themselves.
 */
export const requestId = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', (request, reply, done) => {
      reply.header(REQUEST_ID_HEADER, request.id)
      done()
    })
  },
  { name: 'request-id', fastify: '5.x' },
)

/**
 * An id that a proxy made: as long and with such characters as those of the usual proxies. The characters cannot end a
 * line of a log or a header. A repeated header arrives as one value with a comma, so it does not match.
 */
const PROXYS_ID = /^[\w.~:@|+/=-]{1,128}$/

/**
 * Chooses the id of a request. A trusted proxy's id is kept, so that one id finds the request in the logs of both. From
 * anyone else it is ignored: with an id of their choice, clients could make their requests look like those of others.
 *
 * @param isTrusted whether the peer with this address is a proxy of TRUST_PROXY
 */
export function requestIds(
  isTrusted: false | ((address: string) => boolean),
  newId: () => string = newRequestIds(),
): (request: IncomingMessage) => string {
  if (isTrusted === false) return newId
  // A proxy sends many requests on a connection, and the comparison with the networks takes longer than the rest.
  const trusted = new WeakMap<Socket, boolean>()
  const isFromProxy = (socket: Socket) => {
    const known = trusted.get(socket) ?? isTrusted(socket.remoteAddress ?? '')
    trusted.set(socket, known)
    return known
  }
  return ({ headers, socket }) => {
    const sent = headers[REQUEST_ID_HEADER]
    return typeof sent === 'string' && PROXYS_ID.test(sent) && isFromProxy(socket) ? sent : newId()
  }
}

/** Creates ids that no other process creates: a random prefix for the process, and a counter. */
export function newRequestIds(): () => string {
  const process = randomUUID().slice(0, 24)
  let count = 0
  return () => process + (count++).toString(16).padStart(12, '0')
}
