import type { FastifyInstance, FastifyRequest } from 'fastify'
import { LatchkeyError } from '../../../lib/errors.js'
import { parseMultipart } from './parse-multipart.js'

/**
 * Takes bodies as JSON or as a form of either kind, as Django REST framework does; an empty body is one without fields. Nothing here
 * looks at the fields: a body is plain data whose own members are asked for by name, so `__proto__` is a name as any.
 */
export function parseBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) =>
    body.length === 0 ? {} : parseJson(body),
  )
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer) =>
      // Of a field that comes twice, the last one counts.
      Object.fromEntries(new URLSearchParams(decode(body))),
  )
  app.addContentTypeParser(
    'multipart/form-data',
    // Read as a whole, which the limit of the route keeps small: there are no streams to be left open.
    { parseAs: 'buffer' },
    async ({ headers }: FastifyRequest, body: Buffer) => parseMultipart(body, headers['content-type']!),
  )
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(decode(body))
  } catch (cause) {
    if (cause instanceof LatchkeyError) throw cause
    // What the parser says quotes the body, which may be a password.
    throw new LatchkeyError('invalid_json')
  }
}

/** Bytes that are no UTF-8 are refused: replaced by one character, two passwords would be the same. */
function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new LatchkeyError('invalid_json', { detail: 'The body is not UTF-8.' })
  }
}
