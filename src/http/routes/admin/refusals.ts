import type { ErrorCode } from '../../../lib/errors.js'
import { accessTokenErrors, errorResponses, idSchema, Type } from '../../plugins/schemas.js'

const EVERYWHERE = [
  ...accessTokenErrors,
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

export const userParams = Type.Object({ id: idSchema })
export const sessionParams = Type.Object({ id: idSchema, session_id: idSchema })

/** What the description of the API says of every admin route. */
export const described = { tags: ['administration'], security: [{ bearer: [] }, { client: [] }] }
