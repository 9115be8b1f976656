import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { LatchkeyError } from '../../../lib/errors.js'
import { logRefusal } from '../../errors/problem.js'
import { toLatchkeyError } from '../../errors/to-latchkey-error.js'
import { languageOf } from '../../language.js'
import { type FailureOptions, sendFailure } from './answers.js'
import { parseBodies } from './fields.js'
import { setLanguageHeaders } from './language.js'

/**
 * Makes every answer of this instance an envelope, whatever the error is and wherever it was thrown: in a hook, while the
 * body is read, in a handler, or because no route fits.
 */
export function answerInEnvelopes(app: FastifyInstance, options: FailureOptions): void {
  parseBodies(app)
  // fields.ts validates the bodies, with messages in the language of the caller; the schemas are for OpenAPI only.
  app.setValidatorCompiler(() => () => true)
  app.addHook('onSend', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    setLanguageHeaders(reply, languageOf(request))
  })
  app.setErrorHandler((thrown, request, reply) => {
    const error = toLatchkeyError(thrown)
    logRefusal(app.log, request, error)
    return sendFailure(reply, error, options)
  })

  const refuseUnknownPath = (request: FastifyRequest, reply: FastifyReply) => {
    const allow = METHODS[pathBelow(app.prefix, request)]
    if (allow === undefined) return sendFailure(reply, new LatchkeyError('not_found'), options)
    return sendFailure(reply.header('allow', allow), new LatchkeyError('method_not_allowed'), options)
  }
  app.setNotFoundHandler(refuseUnknownPath)
  // Before the body is read: a body does not matter then.
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) return refuseUnknownPath(request, reply)
    return undefined
  })
}

const METHODS: Readonly<Record<string, string | undefined>> = {
  '/register': 'POST',
  '/login': 'POST',
  '/refresh': 'POST',
  '/refresh-token': 'POST',
  '/logout': 'POST',
  '/profile': 'GET, HEAD',
}

function pathBelow(prefix: string, { url }: FastifyRequest): string {
  return url.slice(prefix.length).replace(/[?#].*$/, '')
}
