import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { factsOf } from '../request-facts.js'

export interface RequestLogOptions {
  log: FastifyBaseLogger
}

/**
 * Logs one line for each answered request of the routes that are registered later (docs/logging.md), and provides
 * `request.log`, whose lines contain the request's id. Fastify's own logging is off: it creates a child logger and a response listener for
 * every request, which takes longer than verifying a cached token, and those requests are not logged at all.
 */
export const requestLog = fp(
  async (app: FastifyInstance, { log }: RequestLogOptions) => {
    app.setChildLoggerFactory((_fastifysOwn, bindings, { level, ...options }) =>
      // A route can have a higher level than the log, never a lower one.
      log.child(bindings, level !== undefined && isEnabled(log, level) ? { ...options, level } : options),
    )
    app.addHook('onResponse', (request, reply, done) => {
      const { elapsedTime: responseTime } = reply
      request.log.info({ req: request, res: reply, ...factsOf(request), responseTime }, 'request completed')
      done()
    })
  },
  { name: 'request-log', fastify: '5.x' },
)

/** Whether lines of the level are written. Only pino can say so; the log of an application can be another one. */
function isEnabled(log: FastifyBaseLogger & { isLevelEnabled?(level: string): boolean }, level: string): boolean {
  return log.isLevelEnabled?.(level) ?? true
}
