import type { UserOverview } from '../../../domain/accounts/find-users.js'
import type { ErrorCode } from '../../../lib/errors.js'
import type { User } from '../../../postgres/users.js'
import {
  accessTokenErrors,
  errorResponses,
  idSchema,
  jsonObject,
  type Static,
  Type,
  userSchema,
} from '../../schemas.js'

const COMMON_ERRORS = [
  ...accessTokenErrors,
  'insufficient_role',
  'insufficient_scope',
  'invalid_request',
  'revocations_stale',
  'store_unavailable',
] as const satisfies ErrorCode[]

/** The errors of an admin route: the given codes, and those of every admin route. */
export function adminErrors<C extends ErrorCode = never>(...codes: C[]) {
  return errorResponses<C | (typeof COMMON_ERRORS)[number]>(...COMMON_ERRORS, ...codes)
}

// Without NUL, which Postgres cannot store, and without characters that would be stored as others.
export const nameText = {
  minLength: 1,
  maxLength: 320,
  pattern: '^[^\\p{Cc}\\uFFFD\\p{Cs}]*$',
  'x-message': 'must not contain control characters or broken characters',
}

const userId = Type.String({ ...idSchema, description: 'The id of the user.' })
export const userParams = Type.Object({ id: userId })
export const sessionParams = Type.Object({
  id: userId,
  session_id: Type.String({ ...idSchema, description: 'The id of the session.' }),
})

/** The OpenAPI fields that all admin routes share. */
export const adminOperation = { tags: ['Administration'], security: [{ bearer: [] }, { client: ['admin'] }] }

const nullable = (format?: 'date-time') =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], ...(format && { format }) })

/** A user as administrators see it. */
export const adminUserSchema = Type.Object(
  {
    ...userSchema.properties,
    external_id: nullable(),
    must_change_password: Type.Boolean(),
    password_changed_at: Type.String({ format: 'date-time' }),
    disabled_at: nullable('date-time'),
    delete_at: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      format: 'date-time',
      description: 'When the account is deleted, because its user asked for it.',
    }),
    updated_at: Type.String({ format: 'date-time' }),
  },
  { title: 'AdminUser', description: 'The user, as administrators see it.' },
)

export function adminUserView(user: User): Static<typeof adminUserSchema> {
  return {
    id: user.id,
    email: user.email,
    email_verified: user.emailVerifiedAt !== null,
    username: user.username,
    external_id: user.externalId,
    roles: user.roles,
    claims: user.claims ?? {},
    must_change_password: user.mustChangePassword,
    password_changed_at: user.passwordChangedAt.toISOString(),
    disabled_at: user.disabledAt?.toISOString() ?? null,
    delete_at: user.deleteAt?.toISOString() ?? null,
    created_at: user.createdAt.toISOString(),
    updated_at: user.updatedAt.toISOString(),
  }
}

/** A user and the use of the account, for support. */
export const userOverviewSchema = Type.Object(
  {
    ...adminUserSchema.properties,
    locked: Type.Boolean({
      description:
        'Whether sign-ins are refused after too many failures: until `enable`, or until the user signs in from a browser ' +
        'that the account is known from.',
    }),
    failed_sign_ins: Type.Integer({ description: 'The failed sign-ins in a row.' }),
    last_sign_in_at: nullable('date-time'),
    live_sessions: Type.Integer(),
    metadata: jsonObject(
      'What the application notes about the user. No token contains it, and the user does not see it.',
    ),
  },
  { title: 'AdminUserOverview', description: 'The user, and the use of the account.' },
)

export function userOverviewView(overview: UserOverview): Static<typeof userOverviewSchema> {
  return {
    ...adminUserView(overview.user),
    locked: overview.isLocked,
    failed_sign_ins: overview.user.failedLogins,
    last_sign_in_at: overview.lastSignInAt?.toISOString() ?? null,
    live_sessions: overview.liveSessions,
    metadata: overview.metadata ?? {},
  }
}
