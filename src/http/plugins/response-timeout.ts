import { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/**
 * Cuts connections on which an answer waits this long for its client to take it. Requests that do not arrive are cut by
 * the timeouts of the server; one for answers there would cost every request a timer, also those at the gateway's route,
 * whose answers fit into any buffer.
 *
 * @see fastify-options.ts for the other timeouts
 */
export const responseTimeout = fp(
  async (app: FastifyInstance, { timeoutMs }: { timeoutMs: number }) => {
    app.addHook('onRequest', ({ raw: { socket } }, _reply, done) => {
      // Node sets it back when the answer is through. A request that is injected came over no connection.
      if (socket instanceof Socket) socket.setTimeout(timeoutMs)
      done()
    })
  },
  { name: 'response-timeout', fastify: '5.x' },
)
