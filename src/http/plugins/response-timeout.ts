import { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/**
 * Closes connections whose client does not read the answer for this long. The timeouts of the server close connections
 * whose request does not arrive. A server timeout for answers would cost every request a timer, also at the gateway's
 * route, whose answers fit into any buffer.
 *
 * @see fastify-options.ts for the other timeouts
 */
export const responseTimeout = fp(
  async (app: FastifyInstance, { timeoutMs }: { timeoutMs: number }) => {
    app.addHook('onRequest', ({ raw: { socket } }, _reply, done) => {
      // Node resets the timeout after the answer. An injected request has no connection.
      if (socket instanceof Socket) socket.setTimeout(timeoutMs)
      done()
    })
  },
  { name: 'response-timeout', fastify: '5.x' },
)
