/** A user as users see themselves. */
export interface PublicUser {
  id: string
  email: string
  username: string | null
  roles: readonly string[]
  createdAt: Date
}

export function publicUser({ id, email, username, roles, createdAt }: PublicUser): PublicUser {
  return { id, email, username, roles, createdAt }
}
