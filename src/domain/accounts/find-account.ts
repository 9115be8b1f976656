import { textForm } from '../../lib/normalize.js'
import type { User } from '../../postgres/users.js'
import type { AuthContext } from '../context.js'
import { emailForms, tryNormaliseEmail } from './account-names.js'

/** How a request names an account. */
export interface AccountNames {
  /** One of the two names an account may have. */
  email?: string | undefined
  /** Or either of them, as people write into a field of this name: what is an e-mail address is that of an account. */
  username?: string | undefined
}

/** The name that attempts on an account are counted by, whether or not there is one. */
export function attemptCounter(names: AccountNames): string {
  return Object.entries(accountName(names)).join()
}

/** The account that is named, if there is one. */
export function findAccount({ db }: Pick<AuthContext, 'db'>, names: AccountNames): Promise<User | undefined> {
  return findUser(db, accountName(names), names)
}

/** What names an account, in the form in which it is stored. */
type AccountName = { email: string } | { username: string }

/**
 * Attempts are counted by this name whether or not it has an account: were they counted by the account, then spellings
 * of one name would tell by their limit which accounts exist. For the same reason a username that looks like an e-mail
 * counts as one, even if it is somebody's username.
 */
function accountName({ email, username }: AccountNames): AccountName {
  const given = username ?? email ?? ''
  const address = tryNormaliseEmail(given) ?? emailForms(given)[0]
  if (address !== undefined) return { email: address }
  // What is no address has no account by it.
  return username === undefined ? { email: '' } : { username: textForm(username) }
}

async function findUser(
  db: AuthContext['db'],
  name: AccountName,
  { email, username }: AccountNames,
): Promise<User | undefined> {
  if ('username' in name) return db.users.findByUsername(name.username)
  // Both at once, so that time does not tell which of them there is. An earlier version let accounts have the e-mail of
  // somebody else for a username: the owner comes first.
  const [owner, named] = await Promise.all([
    db.users.findByEmail(...emailForms(username ?? email ?? '')),
    username === undefined ? undefined : db.users.findByUsername(textForm(username)),
  ])
  return owner ?? named
}
