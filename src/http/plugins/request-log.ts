import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

export interface RequestLogOptions {
  log: FastifyBaseLogger
}

/**
 * One line for each request of the routes that are registered after it, when it is answered, and `request.log`, whose
 * lines bear the request's id. Fastify's own logging is off: it would make a child logger and listen to the response
 * for every request, which takes longer than verifying a known token, of which nothing is said.
 */
export const requestLog = fp(
  async (app: FastifyInstance, { log }: RequestLogOptions) => {
    app.setChildLoggerFactory((_fastifysOwn, bindings, options) => log.child(bindings, options))
    app.addHook('onResponse', (request, reply, done) => {
      request.log.info({ req: request, res: reply, responseTime: reply.elapsedTime }, 'request completed')
      done()
    })
  },
  { name: 'request-log', fastify: '5.x' },
)
