import type { FastifyError, FastifyInstance, FastifyRequest, HTTPMethods } from 'fastify'
import fp from 'fastify-plugin'
import { LatchkeyError } from '../errors.js'
import { problemSchema } from './schemas.js'
import { sendProblem } from './send-problem.js'
import { toLatchkeyError } from './to-latchkey-error.js'

/**
 * Answers every error as RFC 9457 problem details from the catalogue, and adds the schema `Problem` that response
 * schemas refer to. Register it first: routes and plugins that come before it keep Fastify's own handler.
 */
export const problemDetails = fp(
  async (app: FastifyInstance) => {
    app.addSchema(problemSchema)

    app.setErrorHandler((thrown: FastifyError, request, reply) => {
      const error = toLatchkeyError(thrown)
      logRefusal(request, error)
      return sendProblem(reply, error)
    })

    app.setNotFoundHandler((request, reply) => {
      const allowed = allowedMethods(app, request)
      if (allowed.length === 0) return sendProblem(reply, new LatchkeyError('not_found'))
      reply.header('allow', allowed.join(', '))
      return sendProblem(reply, new LatchkeyError('method_not_allowed'))
    })
  },
  { name: 'problem-details', fastify: '5.x' },
)

/** The serializer of the log (logger-options.ts) leaves out what the cause may quote. */
function logRefusal(request: FastifyRequest, { code, status, cause }: LatchkeyError): void {
  const fields = cause === undefined ? { code } : { code, err: cause }
  if (status < 500) request.log.debug({ code }, 'request refused')
  else if (status === 500) request.log.error(fields, 'request failed')
  else request.log.warn(fields, 'request refused')
}

// OPTIONS is left out: CORS answers it for every address.
const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

function allowedMethods(app: FastifyInstance, request: FastifyRequest): string[] {
  return METHODS.filter(method => app.findRoute({ method, url: request.url }) !== null)
}
