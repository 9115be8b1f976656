import { and, asc, desc, gt, inArray, lt, type SQL, sql } from 'drizzle-orm'
import type { Runner } from './pool/connections.js'
import { users } from './schema/accounts.js'
import type { User } from './users.js'

export interface NameQuery {
  field: 'email' | 'username' | 'externalId'
  text: string
}

export interface UserPageQuery {
  /** What a name of theirs is, one of these texts; without it and the next, everybody is found. */
  equal?: { field: NameQuery['field']; texts: readonly string[] } | undefined
  /** What a name of theirs begins with. */
  beginning?: NameQuery | undefined
  /** Where the page before ended: an id, or with a prefix the text that it goes by. */
  after?: string | undefined
  limit: number
}

/** Accounts a page at a time. Each page is one range of one index, however many accounts there are. */
export function userPagesRepository(runner: Runner) {
  return {
    /** The youngest first; with a prefix in the order of the text's bytes. */
    find({ equal, beginning, after, limit }: UserPageQuery): Promise<User[]> {
      if (equal) return select(inArray(users[equal.field], [...equal.texts]), desc(users.id), limit)
      if (!beginning) return select(after === undefined ? undefined : lt(users.id, after), desc(users.id), limit)
      const column = users[beginning.field]
      const begins = sql`${column} like ${`${escapeLike(beginning.text)}%`}`
      const follows = after === undefined ? undefined : sql`${column} ~>~ ${after}`
      return select(and(begins, follows), sql`${column} using ~<~`, limit)
    },

    /** Those whose domain is not made of ASCII labels alone, or has one of punycode; in the order of their ids. */
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

function escapeLike(text: string): string {
  return text.replaceAll(/[\\%_]/g, String.raw`\$&`)
}
