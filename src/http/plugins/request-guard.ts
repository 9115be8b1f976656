import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { LatchkeyError } from '../../lib/errors.js'

/**
 * Refuses ambiguous requests, which a gateway and this service could read differently (one the first header, one the
 * second), and bodies that are declared too large, before anything except CORS reads them. Only JSON bodies are parsed.
 * Cookies are not checked here: most belong to other services, and for ours each value is tried (sent-cookies.ts).
 */
export const requestGuard = fp(
  async (app: FastifyInstance) => {
    app.removeContentTypeParser('text/plain')
    // Node would answer 417 without a body and without any hook. RFC 9110, 10.1.1, allows ignoring unknown expectations.
    app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))

    acceptEmptyJson(app)

    app.addHook('onRequest', (request, _reply, done) => {
      // Many clients send a type without a body (axios does so for each POST). It means nothing then.
      if (!hasBody(request.headers)) delete request.headers['content-type']
      done(checkHeaders(app, request))
    })
  },
  { name: 'request-guard', fastify: '5.x' },
)

/** Whether a body can follow. A chunked body can turn out to be empty. */
export function hasBody(headers: FastifyRequest['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0
}

/** Treats a chunked body without bytes as no body. */
function acceptEmptyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else void parse(request, String(body), done)
  })
}

/** Headers that must not be repeated. Node keeps the first of most of them and silently drops the others. */
const SINGLE_HEADERS = new Set(['authorization', 'content-type', 'content-length', 'cookie', 'host', 'origin'])

function checkHeaders(app: FastifyInstance, request: FastifyRequest): LatchkeyError | undefined {
  const { headers } = request
  // Nearly always each header appears once; then the names are not compared.
  if (request.raw.rawHeaders.length !== 2 * Object.keys(headers).length) {
    const duplicate = findDuplicate(request.raw.rawHeaders)
    if (duplicate !== undefined)
      return new LatchkeyError('ambiguous_request', { detail: `The header ${duplicate} appears more than once.` })
  }

  // RFC 9112, 3.2: required in HTTP/1.1.
  if (headers.host === undefined && request.raw.httpVersion !== '1.0')
    return new LatchkeyError('invalid_request', { detail: 'The header host is missing.' })

  // The route's limit is read last, because Fastify builds an object for it.
  const contentLength = Number(headers['content-length'])
  const tooLong = contentLength > app.initialConfig.bodyLimit! && contentLength > bodyLimitOf(request)
  return tooLong ? new LatchkeyError('body_too_large') : undefined
}

/** @param rawHeaders names and values alternately, as they were sent */
function findDuplicate(rawHeaders: readonly string[]): string | undefined {
  const seen = new Set<string>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    if (SINGLE_HEADERS.has(name) && seen.has(name)) return name
    seen.add(name)
  }
  return undefined
}

function bodyLimitOf(request: FastifyRequest): number {
  return request.routeOptions.bodyLimit ?? 0
}
