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
export const cutStalled = fp(
  async (app: FastifyInstance, { patienceMs }: { patienceMs: number }) => {
    app.addHook('onRequest', ({ raw: { socket } }, _reply, done) => {
      // Node sets it back when the answer is through. A request that is injected came over no connection.
      if (socket instanceof Socket) socket.setTimeout(patienceMs)
      done()
    })
  },
  { name: 'cut-stalled', fastify: '5.x' },
)
