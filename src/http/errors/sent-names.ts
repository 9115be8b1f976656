import type { FastifyRequest } from 'fastify'
import type { FieldError } from '../../lib/errors.js'

/** The names that a request used instead of ours, by our names. */
const sentNames = new WeakMap<FastifyRequest, Map<string, string>>()

/** Remembers that a request sent a field under another name than ours, so that errors name it as it was sent. */
export function rememberSentName(request: FastifyRequest, ours: string, sent: string): void {
  const names = sentNames.get(request) ?? new Map<string, string>()
  sentNames.set(request, names.set(ours, sent))
}

/** The errors about fields, with the names that the request used. */
export function asSent(request: FastifyRequest, errors: readonly FieldError[] | undefined) {
  const names = sentNames.get(request)
  if (names === undefined || errors === undefined) return errors
  return errors.map(({ field, message }) => {
    const [first = '', ...rest] = field.split('.')
    return { field: [names.get(first) ?? first, ...rest].join('.'), message }
  })
}
