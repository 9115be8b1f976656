import { and, eq, isNull, lt, type SQL, sql } from 'drizzle-orm'
import type { PgColumn, PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { brokenIndex } from './errors.js'
import { hotSql, hotStatement, type Runner } from './pool/connections.js'
import { users } from './schema/accounts.js'
import { wholeSeconds } from './session-facts.js'

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

  /** Every change raises token_version, so that what was signed in before it is outdated. */
  async function change(condition: SQL | undefined, values: PgUpdateSetSource<typeof users>) {
    const [changed] = await runner.run(executor =>
      executor
        .update(users)
        .set({ ...values, tokenVersion: sql`${users.tokenVersion} + 1`, updatedAt: sql`now()` })
        .where(condition)
        .returning({ id: users.id, tokenVersion: users.tokenVersion }),
    )
    return changed
  }

  /** The account that has the first of these forms of one address that any account has. */
  async function findByEmail(...forms: readonly string[]): Promise<User | undefined> {
    const found = await Promise.all(forms.map(form => findOne(findByOneEmail, form)))
    return found.find(user => user !== undefined)
  }

  return {
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
        const index = brokenIndex(error)
        if (index === 'users_email') return 'email_taken'
        if (index === 'users_username') return 'username_taken'
        throw error
      }
    },

    /** Replaces the hash of a password by a stronger one of the same password, unless it changed meanwhile. */
    async upgradePasswordHash(id: string, verifiedHash: string, strongerHash: string): Promise<boolean> {
      const upgraded = await runner.run(executor =>
        executor
          .update(users)
          .set({ passwordHash: strongerHash, updatedAt: sql`now()` })
          .where(and(eq(users.id, id), eq(users.passwordHash, verifiedHash)))
          .returning({ id: users.id }),
      )
      return upgraded.length === 1
    },

    /**
     * Counts an attempt on an account before its outcome is known, and returns how many there were in a row with it.
     * Undefined when there were as many as there may be: then nothing is written, however often somebody tries.
     * Attempts at the same time wait for one another here, so no two of them get the same number.
     */
    async reserveAttempt(id: string, limit: number): Promise<number | undefined> {
      const [reserved] = await runner.hot(reserveAttempt, { id, limit })
      return reserved?.failedLogins
    },

    /** The row of failures ends with a success. */
    async forgetAttempts(id: string): Promise<void> {
      await runner.hot(forgetAttempts, { id })
    },

    /** Sets a new password, unless the one that was verified is not the current one any more. */
    changePassword: (id: string, verifiedHash: string, newHash: string) =>
      change(
        and(eq(users.id, id), eq(users.passwordHash, verifiedHash), isNull(users.disabledAt)),
        newPassword(newHash),
      ),

    /**
     * Sets a new password without the old one, unless the account is disabled. Code that does it must have something else
     * that ends when the password changes: a token of password_resets, taken in the same transaction.
     */
    resetPassword: (id: string, newHash: string) =>
      change(and(eq(users.id, id), isNull(users.disabledAt)), newPassword(newHash)),

    /** Makes everything that was signed in before outdated, and says by which version. */
    raiseTokenVersion: (id: string) => change(eq(users.id, id), {}),

    /** Raises it at least to this version; false when it was there, or the user is gone. */
    async raiseTokenVersionTo(id: string, version: number): Promise<boolean> {
      const raised = await runner.run(executor =>
        executor
          .update(users)
          .set({ tokenVersion: version, updatedAt: sql`now()` })
          .where(and(eq(users.id, id), lt(users.tokenVersion, version)))
          .returning({ id: users.id }),
      )
      return raised.length === 1
    },

    /** Sets the roles of a user whose row is held. Access tokens of a roles_version below the one returned are stale. */
    async setRoles(id: string, roles: readonly string[]): Promise<{ rolesVersion: number; changedAt: number }> {
      const [changed] = await runner.run(executor =>
        executor
          .update(users)
          .set({ roles: [...roles], rolesVersion: sql`${users.rolesVersion} + 1`, updatedAt: sql`now()` })
          .where(eq(users.id, id))
          .returning({ rolesVersion: users.rolesVersion, changedAt: wholeSeconds(sql`clock_timestamp()`) }),
      )
      return changed!
    },

    /** Raises the roles_version at least to this one. */
    async raiseRolesVersionTo(id: string, version: number): Promise<void> {
      await runner.run(executor =>
        executor
          .update(users)
          .set({ rolesVersion: version })
          .where(and(eq(users.id, id), lt(users.rolesVersion, version))),
      )
    },

    /** Sets a password that must be changed at the first sign-in with it, whatever the password was. */
    setTemporaryPassword: (id: string, passwordHash: string) =>
      change(eq(users.id, id), {
        passwordHash,
        passwordChangedAt: sql`now()`,
        mustChangePassword: true,
        failedLogins: 0,
      }),

    /**
     * Makes everything outdated that users of a role signed in to before, for so many of them behind an id, in the order
     * of their ids.
     */
    async raiseTokenVersionsOfRole(role: string, afterId: string, limit: number) {
      const raised = await runner.run(executor =>
        executor
          .update(users)
          .set({ tokenVersion: sql`${users.tokenVersion} + 1`, updatedAt: sql`now()` })
          .where(
            sql`${users.id} in (
              select id from users where id > ${afterId}::uuid and ${role} = any(roles) order by id limit ${limit}
              for no key update)`,
          )
          .returning({ id: users.id, tokenVersion: users.tokenVersion }),
      )
      return raised.sort((a, b) => (a.id < b.id ? -1 : 1))
    },

    /** Removes an account with its sessions and their refresh tokens. */
    async remove(id: string): Promise<void> {
      await runner.run(executor => executor.delete(users).where(eq(users.id, id)))
    },

    /** Undefined when there is no such user, or it is disabled already. */
    disable: (id: string) => change(and(eq(users.id, id), isNull(users.disabledAt)), { disabledAt: sql`now()` }),

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
     * Holds a user to a role until the commit, for what only users of this role may do: their roles can't change meanwhile.
     *
     * @returns false if they do not have it now, are disabled or gone, or if their sessions of this version have ended
     */
    async holdToRole(id: string, role: string, tokenVersion: number): Promise<boolean> {
      const held = await runner.run(executor =>
        executor.execute(sql`
          select id from users
          where id = ${id} and disabled_at is null and token_version = ${tokenVersion} and ${role} = any(roles)
          for no key update`),
      )
      return held.length === 1
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

const reserveAttempt = hotStatement<{ id: string; limit: number }, Pick<User, 'failedLogins'>>(
  'reserve_attempt',
  executor =>
    executor
      .update(users)
      .set({ failedLogins: sql`${users.failedLogins} + 1` })
      .where(and(eq(users.id, sql.placeholder('id')), lt(users.failedLogins, sql.placeholder('limit'))))
      .returning({ failedLogins: users.failedLogins })
      .prepare('reserve_attempt'),
)

const forgetAttempts = hotSql<{ id: string }, never>(
  'forget_attempts',
  sql`update users set failed_logins = 0 where id = ${sql.placeholder('id')} and failed_logins > 0`,
)

const lock = hotStatement<{ id: string }, User>('lock_user', executor =>
  executor
    .select()
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .for('no key update')
    .prepare('lock_user'),
)

function newPassword(hash: string): PgUpdateSetSource<typeof users> {
  return { passwordHash: hash, passwordChangedAt: sql`now()`, mustChangePassword: false, failedLogins: 0 }
}
