import { LatchkeyError } from '../../lib/errors.js'
import { isUuid } from '../../lib/ids.js'
import { textForm } from '../../lib/normalize.js'
import type { User } from '../../postgres/users.js'
import type { AuthContext } from '../context.js'
import { emailForms, tryNormaliseEmail } from './account-names.js'

/** The names in a request; give one of them. */
export interface AccountNames {
  email?: string | undefined
  /** The username or the e-mail, because users type either of them into a field of this name. */
  username?: string | undefined
}

/** The key under which attempts on a name are counted, whether or not an account has it. */
export function attemptCounter(names: AccountNames): string {
  return Object.entries(accountName(names)).join()
}

/** The account with this name, if one exists. */
export function findAccount({ db }: Pick<AuthContext, 'db'>, names: AccountNames): Promise<User | undefined> {
  return findUser(db, accountName(names), names)
}

/**
 * The account with this id, e-mail or username, for operators.
 *
 * @throws LatchkeyError user_not_found
 */
export async function getAccountByAnyName(context: Pick<AuthContext, 'db'>, name: string): Promise<User> {
  const user = isUuid(name) ? await context.db.users.findById(name) : undefined
  const found = user ?? (await findAccount(context, { username: name }))
  if (!found) throw new LatchkeyError('user_not_found')
  return found
}

/** The name in its normal form. */
type AccountName = { email: string } | { username: string }

/**
 * Attempts are counted by this name, whether or not an account has it. If they were counted by the account, the limit
 * that two spellings of one name share would show which accounts exist. For the same reason a username that looks like
 * an e-mail is counted as an e-mail, even if an account has it as its username.
 */
function accountName({ email, username }: AccountNames): AccountName {
  const given = username ?? email ?? ''
  const address = tryNormaliseEmail(given) ?? emailForms(given)[0]
  if (address !== undefined) return { email: address }
  // No account has an invalid address.
  return username === undefined ? { email: '' } : { username: textForm(username) }
}

async function findUser(
  db: AuthContext['db'],
  name: AccountName,
  { email, username }: AccountNames,
): Promise<User | undefined> {
  if ('username' in name) return db.users.findByUsername(name.username)
  // Both at once, so that the time does not show which of them exists. In an earlier version an account could have the
  // e-mail of another user as its username: the owner of the e-mail comes first.
  const [owner, named] = await Promise.all([
    db.users.findByEmail(...emailForms(username ?? email ?? '')),
    username === undefined ? undefined : db.users.findByUsername(textForm(username)),
  ])
  return owner ?? named
}
