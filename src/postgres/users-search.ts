import { and, asc, desc, gt, gte, inArray, isNotNull, isNull, lt, type SQL, sql } from 'drizzle-orm'
import type { Runner } from './pool/connections.js'
import { users } from './schema/accounts.js'
import type { User } from './users.js'

export interface NameQuery {
  field: 'email' | 'username' | 'externalId'
  text: string
}

export interface UserPageQuery {
  /** The field equals one of these texts. Without this and `beginning`, all users are found. */
  equal?: { field: NameQuery['field']; texts: readonly string[] } | undefined
  /** The field begins with this text. */
  beginning?: NameQuery | undefined
  /** Only users in this state. Not in an index: all users are read until enough are found. */
  state?: UserState | undefined
  /** The last user of the previous page: the id, or with `beginning` the text of the field. */
  after?: string | undefined
  limit: number
}

export interface UserState {
  /** They have this role, compared exactly. */
  role?: string | undefined
  disabled?: boolean | undefined
  /** They have at least this many failed sign-ins in a row. */
  failedLogins?: number | undefined
}

/** Finds accounts in pages. Each page is one range of one index, however many accounts there are. */
export function userPagesRepository(runner: Runner) {
  return {
    /** Finds the newest first, or with `beginning` in the order of the field's bytes. */
    find({ equal, beginning, state, after, limit }: UserPageQuery): Promise<User[]> {
      const inState = state && conditionOf(state)
      if (equal) return select(and(inArray(users[equal.field], [...equal.texts]), inState), desc(users.id), limit)
      if (!beginning)
        return select(and(after === undefined ? undefined : lt(users.id, after), inState), desc(users.id), limit)
      const column = users[beginning.field]
      const begins = sql`${column} like ${`${escapeLike(beginning.text)}%`}`
      const follows = after === undefined ? undefined : sql`${column} ~>~ ${after}`
      return select(and(begins, follows, inState), sql`${column} using ~<~`, limit)
    },

    /** Users whose e-mail domain has a label that is not ASCII or is punycode, in the order of their ids. */
    withUncommonDomains(afterId: string, limit: number): Promise<{ id: string; email: string }[]> {
      const label = '[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?'
      const isUncommon = sql`(${users.email} !~ ${`^[^@]+@(${label}\\.)*${label}$`} or ${users.email} ~ '[@.]xn--')`
      return runner.run(executor =>
        executor
          .select({ id: users.id, email: users.email })
          .from(users)
          .where(and(gt(users.id, afterId), isUncommon))
          .orderBy(asc(users.id))
          .limit(limit),
      )
    },
  }

  function select(condition: SQL | undefined, order: SQL, limit: number): Promise<User[]> {
    return runner.run(executor => executor.select().from(users).where(condition).orderBy(order).limit(limit))
  }
}

function conditionOf({ role, disabled, failedLogins }: UserState): SQL | undefined {
  return and(
    role === undefined ? undefined : sql`${role} = any(${users.roles})`,
    disabled === undefined ? undefined : disabled ? isNotNull(users.disabledAt) : isNull(users.disabledAt),
    failedLogins === undefined ? undefined : gte(users.failedLogins, failedLogins),
  )
}

function escapeLike(text: string): string {
  return text.replaceAll(/[\\%_]/g, String.raw`\$&`)
}
