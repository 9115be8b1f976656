import type { FastifyBaseLogger, FastifyError, FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { logRefusal } from './log-refusal.js'
import { problemSchema } from './schemas.js'
import { sendProblem } from './send-problem.js'
import { toLatchkeyError } from './to-latchkey-error.js'

export interface ProblemDetailsOptions {
  log: FastifyBaseLogger
}

/**
 * Answers every error as RFC 9457 problem details from the catalogue, and adds the schema `Problem` that response
 * schemas refer to. Register it first: routes and plugins that come before it keep Fastify's own handler.
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
