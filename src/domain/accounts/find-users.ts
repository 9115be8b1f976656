import { fieldError, LatchkeyError } from '../../lib/errors.js'
import { isUuid } from '../../lib/ids.js'
import { foldedForm, textForm } from '../../lib/normalize.js'
import type { UserActivity } from '../../postgres/user-activity.js'
import type { User } from '../../postgres/users.js'
import type { AuthContext } from '../context.js'
import { isLocked } from '../login/lockout.js'
import { emailForms, tryNormaliseEmail } from './account-names.js'

type NameField = 'email' | 'username' | 'externalId'

export interface UserSearch {
  field: NameField
  text: string
  /** Whether the text is only the start of the name. */
  isPrefix: boolean
}

/** Filters for support, besides a name. */
export interface UserFilter {
  role?: string | undefined
  disabled?: boolean | undefined
  locked?: true | undefined
}

export interface UserPage {
  users: User[]
  /** Where the next page begins; null after the last page. */
  nextCursor: string | null
}

/**
 * Finds accounts, a page at a time: all of them, the newest first, or those with a name, or those whose name starts
 * with a text. A cursor holds where a page ended, not how many accounts came before it, so that accounts created or
 * deleted between two pages neither repeat nor hide others.
 *
 * @throws LatchkeyError invalid_request for a cursor of another search
 */
export async function findUsers(
  { db, config }: Pick<AuthContext, 'db' | 'config'>,
  search: UserSearch | undefined,
  { cursor, limit, filter = {} }: { cursor?: string | undefined; limit: number; filter?: UserFilter },
): Promise<UserPage> {
  const { locked, ...state } = filter
  const { failures } = config.lockout
  // Without a lockout no account is locked.
  if (locked && failures === 0) return { users: [], nextCursor: null }
  const order: NameField | 'id' = search?.isPrefix ? search.field : 'id'
  // One more than the limit shows whether there is a next page.
  const found = await db.userPages.find({
    equal: search && !search.isPrefix ? { field: search.field, texts: formsOf(search) } : undefined,
    beginning: search?.isPrefix ? { field: search.field, text: normalise(search) } : undefined,
    state: { ...state, ...(locked && { failedLogins: failures }) },
    after: cursor === undefined ? undefined : readCursor(cursor, order),
    limit: limit + 1,
  })
  const users = found.slice(0, limit)
  const last = users.at(-1)
  return { users, nextCursor: last && found.length > limit ? writeCursor(order, last[order] ?? '') : null }
}

/** An e-mail is searched in every form in which it may be stored. */
function formsOf(search: UserSearch): readonly string[] {
  const forms = search.field === 'email' ? emailForms(search.text) : []
  return forms.length > 0 ? forms : [normalise(search)]
}

/** The form in which a name is stored. */
function normalise({ field, text }: UserSearch): string {
  if (field === 'externalId') return text
  return field === 'username' ? textForm(text) : foldedForm(text).trim()
}

function writeCursor(order: string, at: string): string {
  return Buffer.from(JSON.stringify([order, at])).toString('base64url')
}

function readCursor(cursor: string, order: string): string {
  try {
    const [by, at] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[]
    // Postgres cannot store a NUL in text.
    if (by === order && typeof at === 'string' && !at.includes('\0') && (order !== 'id' || isUuid(at))) return at
  } catch {
    // Refused below.
  }
  throw fieldError('invalid_request', 'cursor', 'does not belong to this search: start without it', {
    detail: 'The cursor does not belong to this search.',
  })
}

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

/** An account and its use, for support. */
export interface UserOverview extends Omit<UserActivity, 'id'> {
  user: User
  /** Whether the lockout refuses its sign-ins (docs/lockout.md). */
  isLocked: boolean
}

/**
 * One account with its use.
 *
 * @throws LatchkeyError user_not_found
 */
export async function getUserOverview(context: Pick<AuthContext, 'db' | 'config'>, id: string): Promise<UserOverview> {
  const [overview] = await overviewsOf(context, [await getUser(context, id)])
  return overview!
}

/** The use of several accounts, with one statement. */
export async function overviewsOf(
  { db, config }: Pick<AuthContext, 'db' | 'config'>,
  users: readonly User[],
): Promise<UserOverview[]> {
  const activities = new Map((await db.userActivity.of(users.map(({ id }) => id))).map(each => [each.id, each]))
  return users.map(user => {
    const { liveSessions = 0, lastSignInAt = null, metadata = null } = activities.get(user.id) ?? {}
    return { user, isLocked: isLocked(config, user), liveSessions, lastSignInAt, metadata }
  })
}

/** An account whose e-mail is stored in a form of an earlier version. */
export interface EarlierEmail {
  id: string
  /** As it is stored. */
  email: string
  /** The form of this version; undefined if this version does not accept the address. */
  form: string | undefined
  /** Another account with the same address in another form. */
  otherId: string | undefined
}

const PAGE_SIZE = 500
const LOWEST_ID = '00000000-0000-0000-0000-000000000000'

/** Finds the accounts whose e-mail is stored in an earlier form, ordered by id. It changes nothing. */
export async function* findEarlierEmails({ db }: Pick<AuthContext, 'db'>): AsyncGenerator<EarlierEmail> {
  let afterId = LOWEST_ID
  for (;;) {
    const page = await db.userPages.withUncommonDomains(afterId, PAGE_SIZE)
    for (const { id, email } of page) {
      const form = tryNormaliseEmail(email)
      if (form === email) continue
      const others = emailForms(email).filter(other => other !== email)
      const other = others.length > 0 ? await db.users.findByEmail(...others) : undefined
      yield { id, email, form, otherId: other?.id }
    }
    if (page.length < PAGE_SIZE) return
    afterId = page.at(-1)!.id
  }
}
