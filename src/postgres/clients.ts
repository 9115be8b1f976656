import { and, asc, eq, sql } from 'drizzle-orm'
import type { AssertionTrust } from '../lib/assertion-trust.js'
import { type TokenSubject, tokenIsRevoked } from './introspection.js'
import { notBefore } from './is-live.js'
import { hotSql, type Runner } from './pool/connections.js'
import { clients } from './schema/clients.js'
import { idArray, wholeSeconds } from './session-facts.js'

export type Client = typeof clients.$inferSelect
export type NewClient = Pick<Client, 'id' | 'name' | 'secretHash' | 'scopes'> &
  Partial<Pick<Client, 'hasSecret' | 'assertion'>>

/** How a client authenticates. What is undefined stays as it is. */
export interface ClientCredentialChange {
  secretHash?: Buffer | undefined
  hasSecret?: boolean | undefined
  assertion?: AssertionTrust | null | undefined
}

export interface KnownClient extends Client {
  /** The `iat` of a token that is issued now, by the database's clock; whole seconds since the epoch. */
  issuedAt: number
}

/** The claims of a client's token that its look-up needs. */
export interface ClientTokenFacts extends TokenSubject {
  clientId: string
  tokenVersion: number
  /** Whole seconds since the epoch. */
  issuedAt: number
}

export type Clients = ReturnType<typeof clientsRepository>

/**
 * Other services. Code that changes a client and its sessions changes the client first: see the lock order in
 * database.ts.
 */
export function clientsRepository(runner: Runner) {
  return {
    /** Returns false if the name is taken. */
    async insert(client: NewClient): Promise<boolean> {
      const inserted = await runner.run(executor =>
        executor.insert(clients).values(client).onConflictDoNothing().returning({ id: clients.id }),
      )
      return inserted.length === 1
    },

    /** All clients, sorted by name. */
    all: (): Promise<Client[]> => runner.run(executor => executor.select().from(clients).orderBy(asc(clients.name))),

    async find(id: string): Promise<KnownClient | undefined> {
      const [found] = await runner.run(executor =>
        executor
          .select({
            client: clients,
            issuedAt: wholeSeconds(sql`now()`),
          })
          .from(clients)
          .where(eq(clients.id, id)),
      )
      return found && { ...found.client, issuedAt: found.issuedAt }
    },

    /**
     * The scopes of the client that has this token. Undefined if the token is no longer valid: the client was removed
     * or has a new secret, or the token, its key or every token of that time was revoked.
     */
    async scopesOfToken(token: ClientTokenFacts): Promise<string[] | undefined> {
      const [found] = await runner.hot(scopesOfToken, token)
      return found?.scopes
    },

    /**
     * The same, and locks the client's row: it cannot be removed or get a new secret before the transaction ends. So
     * the transaction is allowed at its commit, however long the request took.
     */
    async holdToken(token: ClientTokenFacts): Promise<string[] | undefined> {
      const [found] = await runner.hot(holdToken, token)
      return found?.scopes
    },

    /** The token versions of those of these clients that have the scope, by their ids. */
    async tokenVersionsOf(ids: readonly string[], scope: string): Promise<Map<string, number>> {
      const found = await runner.hot(tokenVersions, { ids: idArray(ids), scope })
      return new Map(found.map(({ id, tokenVersion }) => [id, tokenVersion]))
    },

    /**
     * Replaces the secret and invalidates the tokens of the old one. Returns the client's id, if a client with this name
     * has a secret.
     */
    async replaceSecret(name: string, secretHash: Buffer): Promise<string | undefined> {
      const [replaced] = await runner.run(executor =>
        executor
          .update(clients)
          .set({ secretHash, tokenVersion: sql`${clients.tokenVersion} + 1` })
          .where(and(eq(clients.name, name), clients.hasSecret))
          .returning({ id: clients.id }),
      )
      return replaced?.id
    },

    /** Changes how a client authenticates, and invalidates its tokens. Returns the client as it is then. */
    async changeCredentials(id: string, change: ClientCredentialChange): Promise<Client | undefined> {
      const [changed] = await runner.run(executor =>
        executor
          .update(clients)
          .set({ ...change, tokenVersion: sql`${clients.tokenVersion} + 1` })
          .where(eq(clients.id, id))
          .returning(),
      )
      return changed
    },

    /** Removes a client and invalidates its tokens. Returns its id, if a client had this name. */
    async remove(name: string): Promise<string | undefined> {
      const [removed] = await runner.run(executor =>
        executor.delete(clients).where(eq(clients.name, name)).returning({ id: clients.id }),
      )
      return removed?.id
    },
  }
}

const tokenIsValid = sql`
  select scopes from clients
  where clients.id = ${sql.placeholder('clientId')} and token_version = ${sql.placeholder('tokenVersion')}
    and to_timestamp(${sql.placeholder('issuedAt')}::float8) >= ${notBefore} and not ${tokenIsRevoked}`

const tokenVersions = hotSql<{ ids: string; scope: string }, Pick<Client, 'id' | 'tokenVersion'>>(
  'token_versions_of_clients',
  sql`
    select id, token_version as "tokenVersion" from clients
    where id = any(${sql.placeholder('ids')}::uuid[]) and ${sql.placeholder('scope')} = any(scopes)`,
)

const scopesOfToken = hotSql<ClientTokenFacts, Pick<Client, 'scopes'>>('scopes_of_token', tokenIsValid)
const holdToken = hotSql<ClientTokenFacts, Pick<Client, 'scopes'>>(
  'hold_token_of_client',
  sql`${tokenIsValid} for share of clients`,
)
