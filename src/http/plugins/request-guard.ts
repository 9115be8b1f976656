import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { LatchkeyError } from '../../lib/errors.js'

/**
 * Refuses requests that two readers could read in two ways (a gateway one header, we the other) and bodies declared too
 * large, before anything but CORS looks at them. Leaves JSON as the only body that is parsed. Cookies are not judged
 * here: most of them are others', and of ours each candidate is tried (sent-cookies.ts).
 */
export const requestGuard = fp(
  async (app: FastifyInstance) => {
    app.removeContentTypeParser('text/plain')
    // Node would answer 417, without a body and past every hook; RFC 9110, 10.1.1, lets a server ignore what it does not know.
    app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))

    acceptEmptyJson(app)

    app.addHook('onRequest', (request, _reply, done) => {
      // Nothing has no type: many clients name one all the same (axios does for each POST without a body).
      if (!hasBody(request.headers)) delete request.headers['content-type']
      done(checkHeaders(app, request))
    })
  },
  { name: 'request-guard', fastify: '5.x' },
)

/** Whether any bytes of a body may follow. In chunks, that shows only at the end. */
export function hasBody(headers: FastifyRequest['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0
}

/** No bytes in chunks are no body either. */
function acceptEmptyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else void parse(request, String(body), done)
  })
}

/** Headers that may come once. Node keeps the first of most of them and drops the rest silently. */
const SINGLE_HEADERS = new Set(['authorization', 'content-type', 'content-length', 'cookie', 'host', 'origin'])

function checkHeaders(app: FastifyInstance, request: FastifyRequest): LatchkeyError | undefined {
  const { headers } = request
  // Nearly always each header is there once, and need not be looked at one by one.
  if (request.raw.rawHeaders.length !== 2 * Object.keys(headers).length) {
    const duplicate = findDuplicate(request.raw.rawHeaders)
    if (duplicate !== undefined)
      return new LatchkeyError('ambiguous_request', { detail: `The header ${duplicate} appears more than once.` })
  }

  // RFC 9112, 3.2: each request of HTTP/1.1 has one.
  if (headers.host === undefined && request.raw.httpVersion !== '1.0')
    return new LatchkeyError('invalid_request', { detail: 'The header host is missing.' })

  // The route's own limit is asked for last: Fastify builds an object for the answer.
  const contentLength = Number(headers['content-length'])
  const tooLong = contentLength > app.initialConfig.bodyLimit! && contentLength > bodyLimitOf(request)
  return tooLong ? new LatchkeyError('body_too_large') : undefined
}

/** @param rawHeaders names and values in turn, as they were sent */
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
