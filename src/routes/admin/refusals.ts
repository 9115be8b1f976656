import type { ErrorCode } from '../../errors.js'
import { errorResponses, Type, uuidSchema } from '../../plugins/schemas.js'

const EVERYWHERE = [
  'authentication_required',
  'token_invalid',
  'token_expired',
  'token_revoked',
  'token_stale',
  'insufficient_role',
  'insufficient_scope',
  'invalid_request',
  'cross_site_request',
  'revocations_stale',
  'store_unavailable',
] as const satisfies ErrorCode[]

/** What an admin route may answer beside success: these codes, and those of every one of them. */
export function refusals<C extends ErrorCode = never>(...codes: C[]) {
  return errorResponses<C | (typeof EVERYWHERE)[number]>(...EVERYWHERE, ...codes)
}

// The format alone lets `urn:uuid:` pass, which Postgres does not read.
const id = Type.String({ ...uuidSchema, maxLength: 36 })

export const userParams = Type.Object({ id })
export const sessionParams = Type.Object({ id, session_id: id })

/** What the description of the API says of every admin route. */
export const described = { tags: ['administration'], security: [{ bearer: [] }, { client: [] }] }
