import { and, eq, isNull, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { violatedUniqueIndex } from './errors.js'
import { hotStatement, type Runner } from './pool/connections.js'
import { users } from './schema/accounts.js'
import { userPasswordStatements } from './user-passwords.js'
import { changeUser, userVersionStatements } from './user-versions.js'

export interface NewUser {
  id: string
  /** In its normal form. */
  email: string
  /** Other forms in which an earlier version may have stored this address. */
  earlierEmails?: readonly string[]
  username?: string | undefined
  externalId?: string | undefined
  passwordHash: string
  roles?: readonly string[]
  mustChangePassword?: boolean
}

export type User = typeof users.$inferSelect

export type Users = ReturnType<typeof usersRepository>

/** Accounts. Code that changes one and then its sessions calls these first: users come first in the lock order. */
export function usersRepository(runner: Runner) {
  async function findOne(statement: typeof findById, value: string): Promise<User | undefined> {
    const [user] = await runner.hot(statement, { value })
    return user
  }

  /** The account that has the first of these forms of one address that any account has. */
  async function findByEmail(...forms: readonly string[]): Promise<User | undefined> {
    const found = await Promise.all(forms.map(form => findOne(findByOneEmail, form)))
    return found.find(user => user !== undefined)
  }

  return {
    ...userPasswordStatements(runner),
    ...userVersionStatements(runner),

    findById: (id: string) => findOne(findById, id),
    findByEmail,
    findByUsername: (username: string) => findOne(findByUsername, username),

    /** Adds an account; names the one unique field that is taken instead of failing. */
    async insert({
      earlierEmails = [],
      ...user
    }: NewUser): Promise<'inserted' | 'email_taken' | 'username_taken' | 'external_id_taken'> {
      if (earlierEmails.length > 0 && (await findByEmail(...earlierEmails))) return 'email_taken'
      const inserted = await runner.run(executor =>
        executor
          .insert(users)
          .values({ ...user, roles: [...(user.roles ?? [])] })
          .onConflictDoNothing()
          .returning({ id: users.id }),
      )
      if (inserted.length === 1) return 'inserted'
      if (await findByEmail(user.email)) return 'email_taken'
      if (user.username !== undefined && (await findOne(findByUsername, user.username))) return 'username_taken'
      return 'external_id_taken'
    },

    /**
     * Gives an account whose row is held other names. If one of them is taken, the transaction can't go on.
     *
     * @param earlierEmails other forms in which an earlier version may have stored the address
     */
    async rename({
      id,
      email,
      username,
      earlierEmails,
    }: Pick<User, 'id' | 'email' | 'username'> & { earlierEmails: readonly string[] }): Promise<
      'renamed' | 'email_taken' | 'username_taken'
    > {
      const stored = earlierEmails.length > 0 ? await findByEmail(...earlierEmails) : undefined
      if (stored && stored.id !== id) return 'email_taken'
      try {
        await runner.run(executor =>
          executor.update(users).set({ email, username, updatedAt: sql`now()` }).where(eq(users.id, id)),
        )
        return 'renamed'
      } catch (error) {
        const index = violatedUniqueIndex(error)
        if (index === 'users_email') return 'email_taken'
        if (index === 'users_username') return 'username_taken'
        throw error
      }
    },

    /** Removes an account with its sessions and their refresh tokens. */
    async remove(id: string): Promise<void> {
      await runner.run(executor => executor.delete(users).where(eq(users.id, id)))
    },

    /** Undefined when there is no such user, or it is disabled already. */
    disable: (id: string) =>
      changeUser(runner, and(eq(users.id, id), isNull(users.disabledAt)), { disabledAt: sql`now()` }),

    /** Opens the account again; its failures are forgotten. False when there is no such user. */
    async enable(id: string): Promise<boolean> {
      const enabled = await runner.run(executor =>
        executor
          .update(users)
          .set({ disabledAt: null, failedLogins: 0, updatedAt: sql`now()` })
          .where(eq(users.id, id))
          .returning({ id: users.id }),
      )
      return enabled.length === 1
    },

    /**
     * waits for the one who is changing this account or signing in to it, and keeps both out until the commit.
     *
     * @returns the account as it is from then on; undefined if it is gone
     */
    async lock(id: string): Promise<User | undefined> {
      const [user] = await runner.hot(lock, { id })
      return user
    },
  }
}

const findById = findBy('find_user_by_id', users.id)
const findByOneEmail = findBy('find_user_by_email', users.email)
const findByUsername = findBy('find_user_by_username', users.username)

function findBy(name: string, column: PgColumn) {
  return hotStatement<{ value: string }, User>(name, executor =>
    executor
      .select()
      .from(users)
      .where(eq(column, sql.placeholder('value')))
      .limit(1)
      .prepare(name),
  )
}

const lock = hotStatement<{ id: string }, User>('lock_user', executor =>
  executor
    .select()
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .for('no key update')
    .prepare('lock_user'),
)
