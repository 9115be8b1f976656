import type { preValidationHookHandler } from 'fastify'
import { LatchkeyError } from '../../../lib/errors.js'

/**
 * A hook that accepts older names of body fields, so that clients of older systems need not change: the request goes on
 * as if it had used ours. Answers have one spelling.
 *
 *     preValidation: bodyAliases({ refreshToken: 'refresh_token' })
 *
 * @param spellings the older names, each with ours
 * @returns a hook that throws invalid_request for a body with both names of one thing
 */
export function bodyAliases(spellings: Readonly<Record<string, string>>): preValidationHookHandler {
  const pairs = Object.entries(spellings)
  return (request, _reply, done) => {
    const body = request.body as Record<string, unknown> | null | undefined
    if (typeof body !== 'object' || body === null) return done()
    for (const [older, ours] of pairs) {
      if (!Object.hasOwn(body, older)) continue
      if (Object.hasOwn(body, ours)) {
        const errors = [{ field: older, message: `is an alias of ${ours}; send only one of them` }]
        return done(new LatchkeyError('invalid_request', { errors }))
      }
      body[ours] = body[older]
      delete body[older]
    }
    done()
  }
}
