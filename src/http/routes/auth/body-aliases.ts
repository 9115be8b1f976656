import type { preValidationHookHandler } from 'fastify'
import { fieldError } from '../../../lib/errors.js'
import { rememberSentName } from '../../errors/sent-names.js'

/**
 * A hook that accepts other names of body fields, so that clients of older systems work without a change. It renames the
 * fields in the body. Answers use only our names; errors use the name that was sent.
 *
 *     preValidation: bodyAliases({ refreshToken: 'refresh_token' })
 *
 * @param aliases the accepted names, each with our name
 * @returns a hook that throws invalid_request if a body has a field under both names. The OpenAPI document reads its
 *   `aliases`.
 */
export function bodyAliases(
  aliases: Readonly<Record<string, string>>,
): preValidationHookHandler & { aliases: Readonly<Record<string, string>> } {
  const pairs = Object.entries(aliases)
  const rename: preValidationHookHandler = (request, _reply, done) => {
    const body = request.body as Record<string, unknown> | null | undefined
    if (typeof body !== 'object' || body === null) return done()
    for (const [alias, ours] of pairs) {
      if (!Object.hasOwn(body, alias)) continue
      if (Object.hasOwn(body, ours)) {
        return done(fieldError('invalid_request', alias, `is another name of ${ours}: send only one of them`))
      }
      body[ours] = body[alias]
      delete body[alias]
      rememberSentName(request, ours, alias)
    }
    done()
  }
  return Object.assign(rename, { aliases })
}
