import { Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/**
 * How an instance leaves, in three steps that follow each other:
 *
 * 1. `drain()`: it is not ready, and everything is still served. A connection that was open ends with its next answer, so
 *    that the next request of its client goes to another instance. One that is opened now comes from a gateway that does
 *    not ask for /readyz. It stays open: if this gateway opened one for each request, the next step would reset those
 *    that the system has taken and we have not, and a gateway may not send a POST again whose connection was reset.
 * 2. `stopListening()`: each answer ends its connection, and a new one is refused. The gateway can go to another instance
 *    with any request then, because nothing of it was sent.
 * 3. `close()`: waits for the requests under way, and for nothing else. Connections that rest are closed, however they
 *    came to.
 */
export const drain = fp(
  async (app: FastifyInstance) => {
    let step: 'serving' | 'draining' | 'closing' = 'serving'
    const { unused, openedWhileDraining } = trackConnections(app)
    app.decorate('isDraining', () => step !== 'serving')
    const isLastAnswer = (socket: Socket) =>
      step !== 'serving' && (step === 'closing' || !openedWhileDraining.has(socket))
    app.decorate('isLastAnswer', isLastAnswer)
    app.decorate('drain', () => {
      step = 'draining'
    })
    app.decorate('stopListening', async restMs => {
      step = 'closing'
      // Not the method of HTTP servers: it closes the connections that rest, on which the next request may be coming.
      const empty = new Promise<void>(resolve => Server.prototype.close.call(app.server, () => resolve()))
      await Promise.race([empty, sleep(restMs, undefined, { ref: false })])
    })
    app.addHook('onRequest', ({ raw: { socket } }, reply, done) => {
      unused.delete(socket)
      if (isLastAnswer(socket)) reply.header('connection', 'close')
      done()
    })
    let sweeper: NodeJS.Timeout | undefined
    app.addHook('preClose', async () => {
      step = 'closing'
      const closedAt = Date.now()
      sweeper = setInterval(() => {
        // Node closes those that rest now, and forgets those that an answer under way has promised to keep.
        app.server.closeIdleConnections()
        // A browser opens connections ahead of need and a scanner sends nothing: Node would wait for a request.
        if (Date.now() - closedAt >= SILENCE_MS) for (const socket of unused) socket.destroy()
      }, SWEEP_INTERVAL_MS)
    })
    app.addHook('onClose', async () => clearInterval(sweeper))
  },
  { name: 'drain', fastify: '5.x' },
)

/** Lets go of the connections too whose requests were under way when the draining began: for answers that take a while. */
export const drainLongRequests = fp(
  async (app: FastifyInstance) => {
    app.addHook('onSend', (request, reply, _payload, done) => {
      if (app.isLastAnswer(request.raw.socket)) reply.header('connection', 'close')
      done()
    })
  },
  { name: 'drain-long-requests', fastify: '5.x', dependencies: ['drain'] },
)

/** How long the first request of a new connection may take to arrive once the others are closed. */
const SILENCE_MS = 1000
const SWEEP_INTERVAL_MS = 100

/** The connections that are open and have sent nothing yet, and those that were opened while we drained. */
function trackConnections(app: FastifyInstance): { unused: Set<Socket>; openedWhileDraining: WeakSet<Socket> } {
  const unused = new Set<Socket>()
  const openedWhileDraining = new WeakSet<Socket>()
  app.server.on('connection', (socket: Socket) => {
    unused.add(socket)
    if (app.isDraining()) openedWhileDraining.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  return { unused, openedWhileDraining }
}

declare module 'fastify' {
  interface FastifyInstance {
    /** From here on this instance is not ready, and lets go of the connections that are open, one answer at a time. */
    drain(): void
    isDraining(): boolean
    /** Whether the answer to a request that is there now ends its connection. */
    isLastAnswer(socket: Socket): boolean
    /**
     * From here on connections are refused. Resolves when none is left, and at the latest when those that are in use have
     * met their last answer.
     *
     * @param restMs - how long that may take
     */
    stopListening(restMs: number): Promise<void>
  }
}
