import { LatchkeyError } from '../../lib/errors.js'
import type { User } from '../../postgres/users.js'
import type { AuthContext } from '../context.js'

/**
 * One account, as administrators see it.
 *
 * @throws LatchkeyError user_not_found
 */
export async function getUser({ db }: Pick<AuthContext, 'db'>, id: string): Promise<User> {
  const user = await db.users.findById(id)
  if (!user) throw new LatchkeyError('user_not_found')
  return user
}
