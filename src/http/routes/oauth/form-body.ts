import type { FastifyInstance } from 'fastify'
import { LatchkeyError } from '../../../lib/errors.js'

/**
 * Parses forms, and forms only, on the routes of this scope (RFC 6749, 3.2): a parameter without a value is none, and
 * one that comes twice is refused, known or not.
 */
export function parseForms(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, readForm(String(body)))
    } catch (error) {
      done(error as Error)
    }
  })
}

function readForm(text: string): Record<string, string> {
  const fields = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(text)) {
    if (fields.has(name)) throw new LatchkeyError('invalid_request', { detail: 'A parameter came twice.' })
    fields.set(name, value)
  }
  const sent = [...fields].filter(([name, value]) => value !== '' && name !== '__proto__')
  return Object.fromEntries(sent)
}
