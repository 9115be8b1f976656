import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/**
 * How an instance leaves. From `drain()` on everything is still served, but each answer ends its connection, so that
 * the next request of its client goes to another instance. `close()` then waits for the requests under way, and for
 * nothing else: connections that rest are closed, however they came to.
 */
export const drain = fp(
  async (app: FastifyInstance) => {
    let draining = false
    app.decorate('isDraining', () => draining)
    app.decorate('drain', () => {
      draining = true
    })
    const silent = trackConnections(app)
    app.addHook('onRequest', (request, reply, done) => {
      silent.delete(request.raw.socket)
      if (draining) reply.header('connection', 'close')
      done()
    })
    let sweeper: NodeJS.Timeout | undefined
    app.addHook('preClose', async () => {
      draining = true
      const closedAt = Date.now()
      sweeper = setInterval(() => {
        // Node closes those that rest now, and forgets those that an answer under way has promised to keep.
        app.server.closeIdleConnections()
        // A browser opens connections ahead of need and a scanner sends nothing: Node would wait for a request.
        if (Date.now() - closedAt >= SILENCE_MS) for (const socket of silent) socket.destroy()
      }, SWEEP_INTERVAL_MS)
    })
    app.addHook('onClose', async () => clearInterval(sweeper))
  },
  { name: 'drain', fastify: '5.x' },
)

/** Lets go of the connections too whose requests were under way when the draining began: for answers that take a while. */
export const drainLongRequests = fp(
  async (app: FastifyInstance) => {
    app.addHook('onSend', (_request, reply, _payload, done) => {
      if (app.isDraining()) reply.header('connection', 'close')
      done()
    })
  },
  { name: 'drain-long-requests', fastify: '5.x', dependencies: ['drain'] },
)

/** How long the first request of a new connection may take to arrive once the listener has closed. */
const SILENCE_MS = 1000
const SWEEP_INTERVAL_MS = 100

/** The connections that are open; code that sees a request takes its connection out. */
function trackConnections(app: FastifyInstance): Set<Socket> {
  const silent = new Set<Socket>()
  app.server.on('connection', (socket: Socket) => {
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  return silent
}

declare module 'fastify' {
  interface FastifyInstance {
    /** From here on this instance is not ready, and lets go of its connections one answer at a time. */
    drain(): void
    isDraining(): boolean
  }
}
