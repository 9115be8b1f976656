import { and, eq, inArray, isNull, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { violatedUniqueIndex } from './errors.js'
import { hotStatement, type Runner } from './pool/connections.js'
import { users } from './schema/accounts.js'
import { userDeletionStatements } from './user-deletions.js'
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
  claims?: Record<string, unknown> | null
  mustChangePassword?: boolean
  /** Whether letters to the address arrived. */
  emailVerified?: boolean
}

export type User = typeof users.$inferSelect

export type Users = ReturnType<typeof usersRepository>

/**
 * Accounts. Code that changes an account and its sessions changes the account first: see the lock order in database.ts.
 */
export function usersRepository(runner: Runner) {
  async function findOne(statement: typeof findById, value: string): Promise<User | undefined> {
    const [user] = await runner.hot(statement, { value })
    return user
  }

  /** The account with this address; of several forms of the address, the first that an account has. */
  async function findByEmail(...forms: readonly string[]): Promise<User | undefined> {
    const found = await Promise.all(forms.map(form => findOne(findByOneEmail, form)))
    return found.find(user => user !== undefined)
  }

  return {
    ...userPasswordStatements(runner),
    ...userVersionStatements(runner),
    ...userDeletionStatements(runner),

    findById: (id: string) => findOne(findById, id),
    findByEmail,
    findByUsername: (username: string) => findOne(findByUsername, username),

    /** Adds an account, or returns which unique field is taken. */
    async insert({
      earlierEmails = [],
      emailVerified = false,
      ...user
    }: NewUser): Promise<'inserted' | 'email_taken' | 'username_taken' | 'external_id_taken'> {
      if (earlierEmails.length > 0 && (await findByEmail(...earlierEmails))) return 'email_taken'
      const inserted = await runner.run(executor =>
        executor
          .insert(users)
          .values({
            ...user,
            roles: [...(user.roles ?? [])],
            emailVerifiedAt: emailVerified ? sql`now()` : null,
          })
          .onConflictDoNothing()
          .returning({ id: users.id }),
      )
      if (inserted.length === 1) return 'inserted'
      if (await findByEmail(user.email)) return 'email_taken'
      if (user.username !== undefined && (await findOne(findByUsername, user.username))) return 'username_taken'
      return 'external_id_taken'
    },

    /**
     * Renames an account whose row is locked. If a name is taken, the transaction cannot continue.
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
          executor
            .update(users)
            .set({
              email,
              username,
              // The new address is not verified, unless only its form is another one.
              emailVerifiedAt: sql`case when ${users.email} = ${email} then ${users.emailVerifiedAt} end`,
              updatedAt: sql`now()`,
            })
            .where(eq(users.id, id)),
        )
        return 'renamed'
      } catch (error) {
        const index = violatedUniqueIndex(error)
        if (index === 'users_email') return 'email_taken'
        if (index === 'users_username') return 'username_taken'
        throw error
      }
    },

    /**
     * Records that letters to this address arrive. False if it is not the address of the account (any more).
     *
     * @param forms in which it may be stored
     */
    async verifyEmail(id: string, ...forms: readonly string[]): Promise<boolean> {
      const verified = await runner.run(executor =>
        executor
          .update(users)
          .set({ emailVerifiedAt: sql`coalesce(${users.emailVerifiedAt}, now())`, updatedAt: sql`now()` })
          .where(and(eq(users.id, id), inArray(users.email, [...forms])))
          .returning({ id: users.id }),
      )
      return verified.length === 1
    },

    /** Deletes an account with its sessions and their refresh tokens. */
    async remove(id: string): Promise<void> {
      await runner.run(executor => executor.delete(users).where(eq(users.id, id)))
    },

    /** Disables an account and ends its sessions. Undefined if it does not exist or is already disabled. */
    disable: (id: string) =>
      changeUser(runner, and(eq(users.id, id), isNull(users.disabledAt)), { disabledAt: sql`now()` }),

    /** Enables an account and resets its count of failed attempts. Returns false if it does not exist. */
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
     * Locks an account until the commit. Changes of it and sign-ins to it wait.
     *
     * @returns the locked account; undefined if it does not exist
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
