import { sql } from 'drizzle-orm'
import type { Runner } from './pool/connections.js'

/** An account of another system. */
export interface NewImportedUser {
  id: string
  /** In its normal form. */
  email: string
  /** Other forms in which an earlier version may have stored this address. */
  earlierEmails: readonly string[]
  username: string | null
  externalId: string | null
  passwordHash: string
  roles: readonly string[]
  claims: Record<string, unknown> | null
  metadata: Record<string, unknown> | null
  mustChangePassword: boolean
  disabled: boolean
  createdAt: Date | null
  updatedAt: Date | null
}

/** The unique names of an existing account. */
export interface TakenNames {
  email: string
  username: string | null
  externalId: string | null
}

/** Adds many accounts at once. The rows are one JSON parameter, so that every batch is the same prepared statement. */
export function userImportRepository(runner: Runner) {
  return {
    /** Adds the accounts that have no taken name, and returns their ids. Existing accounts are not changed. */
    async add(users: readonly NewImportedUser[]): Promise<ReadonlySet<string>> {
      if (users.length === 0) return new Set()
      const added = await runner.run(executor =>
        executor.execute<{ id: string }>(sql`
          with given as materialized (
            select * from json_to_recordset(${JSON.stringify(users)}::json) as given (id uuid, email text, username text,
              "externalId" text, "passwordHash" text, roles text[], claims jsonb, metadata jsonb,
              "mustChangePassword" boolean, disabled boolean, "createdAt" timestamptz, "updatedAt" timestamptz)
          ), added as (
            insert into users (id, email, username, external_id, password_hash, roles, claims, must_change_password,
              password_changed_at, disabled_at, created_at, updated_at)
            select id, email, username, "externalId", "passwordHash", roles, claims, "mustChangePassword",
              coalesce("createdAt", "updatedAt", now()), case when disabled then now() end,
              coalesce("createdAt", "updatedAt", now()), coalesce("updatedAt", "createdAt", now())
            from given
            on conflict do nothing
            returning id
          ), described as (
            insert into user_metadata (user_id, metadata)
            select id, metadata from given join added using (id) where metadata is not null
          )
          select id from added`),
      )
      return new Set(added.map(({ id }) => id))
    },

    /** Existing accounts that have one of these names. */
    async findTaken(names: readonly TakenNames[]): Promise<TakenNames[]> {
      const given = names.map(({ email, username, externalId }) => ({ email, username, externalId }))
      // Three queries in one, each with its own index: with "or", Postgres would use no index. The names are passed as an
      // array: Postgres expects few entries and looks up each one. With a sub-select it can expect very many, and then it
      // reads the whole table.
      return runner.run(executor =>
        executor.execute<TakenNames & Record<string, unknown>>(sql`
          with given as (
            select email, username, "externalId"
            from json_to_recordset(${JSON.stringify(given)}::json) as given (email text, username text, "externalId" text)
          ), taken as (
            select id from users where email = any(array(select email from given))
            union select id from users where username = any(array(select username from given))
            union select id from users where external_id = any(array(select "externalId" from given))
          )
          select email, username, external_id as "externalId" from users where id = any(array(select id from taken))`),
      )
    },
  }
}
