import type { User } from '../../../postgres/users.js'
import { type Static, Type, userSchema } from '../../plugins/schemas.js'

const nullable = (format?: 'date-time') =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], ...(format && { format }) })

/** An account as administrators see it. */
export const adminUserSchema = Type.Object({
  ...userSchema.properties,
  external_id: nullable(),
  must_change_password: Type.Boolean(),
  password_changed_at: Type.String({ format: 'date-time' }),
  disabled_at: nullable('date-time'),
  updated_at: Type.String({ format: 'date-time' }),
})

export function adminUserView(user: User): Static<typeof adminUserSchema> {
  return {
    id: user.id,
    email: user.email,
    username: user.username,
    external_id: user.externalId,
    roles: user.roles,
    must_change_password: user.mustChangePassword,
    password_changed_at: user.passwordChangedAt.toISOString(),
    disabled_at: user.disabledAt?.toISOString() ?? null,
    created_at: user.createdAt.toISOString(),
    updated_at: user.updatedAt.toISOString(),
  }
}
