import { LatchkeyError } from '../../lib/errors.js'
import { isUuid } from '../../lib/ids.js'
import type { User } from '../../postgres/users.js'
import type { AuthContext } from '../context.js'
import { findAccount } from './find-account.js'

/** Names a user (RFC 9493). */
export type UserSubject =
  | { format: 'email'; email: string }
  | { format: 'iss_sub'; iss: string; sub: string }
  | { format: 'opaque'; id: string }

/**
 * The user that a subject identifier names. Users of another issuer do not exist here.
 *
 * @throws LatchkeyError user_not_found
 */
export async function findSubject(
  { db, config }: Pick<AuthContext, 'db' | 'config'>,
  subject: UserSubject,
): Promise<User> {
  const user = await find()
  if (!user) throw new LatchkeyError('user_not_found')
  return user

  async function find(): Promise<User | undefined> {
    if (subject.format === 'email') return findAccount({ db }, { email: subject.email })
    const id = subject.format === 'opaque' ? subject.id : subject.iss === config.issuer ? subject.sub : ''
    return isUuid(id) ? db.users.findById(id) : undefined
  }
}
