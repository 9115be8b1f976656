import { Server, type Socket } from 'node:net'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/**
 * Graceful shutdown, in three steps:
 *
 * 1. `drain()`: the instance is not ready, but serves every request. A connection that was open is closed after its next
 *    answer, so that the client's next request goes to another instance. A connection that is opened now comes from a
 *    gateway that does not request /readyz. It stays open: if the gateway needed a new connection for each request, the
 *    next step would reset those that the system has accepted and the process has not, and a gateway must not repeat a
 *    POST whose connection was reset.
 * 2. `stopListening()`: each answer closes its connection, and new connections are refused. The gateway can then send any
 *    request to another instance, because no part of it was sent here.
 * 3. `close()`: waits for open requests and for nothing else. Idle connections are closed.
 */
export const drain = fp(
  async (app: FastifyInstance) => {
    let step: 'serving' | 'draining' | 'closing' = 'serving'
    const { unused, openedWhileDraining } = trackConnections(app)
    app.decorate('isDraining', () => step !== 'serving')
    const isLastAnswer = (socket: Socket) =>
      step !== 'serving' && (step === 'closing' || !openedWhileDraining.has(socket))
    app.decorate('isLastAnswer', isLastAnswer)
    const endless: EndlessAnswers[] = []
    const endAll = () => {
      for (const answers of endless) answers.end()
    }
    app.decorate('addEndlessAnswers', answers => void endless.push(answers))
    app.decorate('endEndlessAnswers', endAll)
    app.decorate('drain', forMs => {
      step = 'draining'
      for (const answers of endless) answers.drain(forMs)
    })
    app.decorate('stopListening', async restMs => {
      step = 'closing'
      await shortTurn()
      // Not the method of HTTP servers: that closes idle connections too, on which a request can already be on its way.
      const empty = new Promise<void>(resolve => Server.prototype.close.call(app.server, () => resolve()))
      // Gateways that do not request /readyz connect clients to other instances only from now on. Those of endless answers
      // have the same time for it, and end theirs by themselves.
      await Promise.race([empty, sleep(restMs, undefined, { ref: false })])
      endAll()
    })
    app.addHook('onRequest', ({ raw: { socket } }, reply, done) => {
      unused.delete(socket)
      if (isLastAnswer(socket)) reply.header('connection', 'close')
      done()
    })
    let sweeper: NodeJS.Timeout | undefined
    app.addHook('preClose', async () => {
      step = 'closing'
      endAll()
      const closedAt = Date.now()
      sweeper = setInterval(async () => {
        await shortTurn()
        // Repeated, because Node closes only those that are idle now. An open answer may have promised keep-alive.
        app.server.closeIdleConnections()
        // Browsers open connections in advance, and scanners send nothing: Node would wait for a request.
        if (Date.now() - closedAt >= SILENCE_MS) for (const socket of unused) socket.destroy()
      }, SWEEP_INTERVAL_MS)
    })
    app.addHook('onClose', async () => clearInterval(sweeper))
  },
  { name: 'drain', fastify: '5.x' },
)

/** Also closes connections whose request began before the draining: for answers that take longer. */
export const drainLongRequests = fp(
  async (app: FastifyInstance) => {
    app.addHook('onSend', (request, reply, _payload, done) => {
      if (app.isLastAnswer(request.raw.socket)) reply.header('connection', 'close')
      done()
    })
  },
  { name: 'drain-long-requests', fastify: '5.x', dependencies: ['drain'] },
)

/**
 * Resolves after a turn of the loop that took little time. What arrives during a long turn is not read yet: the system resets
 * new connections that the process has not accepted, and requests on idle ones that are closed, and a gateway must not
 * repeat a POST whose connection was reset.
 */
async function shortTurn(): Promise<void> {
  for (let turns = 0; turns < MOST_TURNS; turns++) {
    const begunAtMs = performance.now()
    await turn()
    if (performance.now() - begunAtMs < SHORT_TURN_MS) return
  }
}

const SHORT_TURN_MS = 2
/** A process that is always busy stops all the same. */
const MOST_TURNS = 100

/** How long `close()` waits for the first request of a connection. */
const SILENCE_MS = 1000
const SWEEP_INTERVAL_MS = 100

/** Tracks the open connections without a request yet, and those that were opened while the instance was draining. */
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

/** Answers that would not end by themselves. */
export interface EndlessAnswers {
  /** The first step has begun, and takes this long: their clients should connect to another instance. */
  drain(forMs: number): void
  /** They must end now. */
  end(): void
}

declare module 'fastify' {
  interface FastifyInstance {
    addEndlessAnswers(answers: EndlessAnswers): void
    /** Ends them. `stopListening` and `close` do it too; a service inside an application is not closed in time. */
    endEndlessAnswers(): void
    /**
     * Step 1: from now on this instance is not ready, and each open connection is closed after its next answer.
     *
     * @param forMs - until step 2
     */
    drain(forMs: number): void
    isDraining(): boolean
    /** Whether the next answer on this connection closes it. */
    isLastAnswer(socket: Socket): boolean
    /**
     * Step 2: from now on new connections are refused. Resolves when no connection is left, or after `restMs`.
     *
     * @param restMs - the longest time to wait
     */
    stopListening(restMs: number): Promise<void>
  }
}
