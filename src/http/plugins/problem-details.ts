import type { FastifyBaseLogger, FastifyError, FastifyInstance, FastifyRequest, HTTPMethods } from 'fastify'
import fp from 'fastify-plugin'
import { LatchkeyError } from '../../lib/errors.js'
import { logRefusal, sendProblem } from '../errors/problem.js'
import { toLatchkeyError } from '../errors/to-latchkey-error.js'
import { problemSchema } from '../schemas.js'

export interface ProblemDetailsOptions {
  log: FastifyBaseLogger
}

/**
 * Answers every error as RFC 9457 problem details from the catalogue, and adds the schema `Problem`, to which response
 * schemas refer. Register it first: routes and plugins that are registered before it keep Fastify's own handler.
 */
export const problemDetails = fp(
  async (app: FastifyInstance, { log }: ProblemDetailsOptions) => {
    app.addSchema(problemSchema)

    app.setErrorHandler((thrown: FastifyError, request, reply) => {
      const error = toLatchkeyError(thrown)
      logRefusal(log, request, error)
      return sendProblem(reply, error)
    })
  },
  { name: 'problem-details', fastify: '5.x' },
)

/**
 * Answers requests without a route: OPTIONS with 204 and the methods that the path has, another method with 405 and the
 * same methods, or 404. Also 404 if a route calls the not-found handler itself.
 */
export const notFound = fp(
  async (app: FastifyInstance) => {
    app.setNotFoundHandler((request, reply) => {
      const allowed = allowedMethods(app, request)
      if (allowed.length === 0 || allowed.some(method => method === request.method))
        return sendProblem(reply, new LatchkeyError('not_found', adviceFor(request.url)))
      if (request.method === 'OPTIONS')
        return reply
          .header('allow', [...allowed, 'OPTIONS'].join(', '))
          .code(204)
          .send()
      reply.header('allow', allowed.join(', '))
      // Django REST framework's message, for the clients of its APIs.
      const detail = `Method "${request.method}" not allowed.`
      return sendProblem(reply, new LatchkeyError('method_not_allowed', { detail }))
    })
  },
  { name: 'not-found', fastify: '5.x', dependencies: ['problem-details'] },
)

/** On most routes a slash at the end makes no difference (http/rewrite-url.ts). */
function adviceFor(url: string): { detail?: string } {
  const [path = ''] = url.split('?', 1)
  return path.length > 1 && path.endsWith('/') ? { detail: 'Remove the slash at the end of the path.' } : {}
}

// Without OPTIONS, which every path has.
const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

function allowedMethods(app: FastifyInstance, request: FastifyRequest): string[] {
  return METHODS.filter(method => app.findRoute({ method, url: request.url }) !== null)
}
