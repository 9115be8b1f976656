import { asc, eq, sql } from 'drizzle-orm'
import { type TokenSubject, tokenIsRevoked } from './introspection.js'
import { notBefore } from './is-live.js'
import { hotSql, type Runner } from './pool/connections.js'
import { clients } from './schema/clients.js'
import { wholeSeconds } from './session-facts.js'

export type Client = typeof clients.$inferSelect
export type NewClient = Pick<Client, 'id' | 'name' | 'secretHash' | 'scopes'>

export interface KnownClient extends Client {
  /** The `iat` of a token minted now, by the database's clock; whole seconds since the epoch. */
  issuedAt: number
}

/** What a client's token says of itself. */
export interface ClientTokenFacts extends TokenSubject {
  clientId: string
  tokenVersion: number
  /** Whole seconds since the epoch. */
  issuedAt: number
}

export type Clients = ReturnType<typeof clientsRepository>

/** Other services. Code that changes one and then its sessions calls these first: clients come first in the lock order. */
export function clientsRepository(runner: Runner) {
  return {
    /** False when the name is taken. */
    async insert(client: NewClient): Promise<boolean> {
      const inserted = await runner.run(executor =>
        executor.insert(clients).values(client).onConflictDoNothing().returning({ id: clients.id }),
      )
      return inserted.length === 1
    },

    /** All of them, by name. */
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
     * The scopes of the client whose token this is; undefined when the token counts no more: the client was removed or
     * has another secret since, the token was revoked, its key, or everything of its time.
     */
    async scopesOfToken(token: ClientTokenFacts): Promise<string[] | undefined> {
      const [found] = await runner.hot(scopesOfToken, token)
      return found?.scopes
    },

    /**
     * The same, and holds off the removal of the client and a change of its secret until the transaction ends: what is
     * done in it was allowed when it was done, however long the request was under way.
     */
    async holdToken(token: ClientTokenFacts): Promise<string[] | undefined> {
      const [found] = await runner.hot(holdToken, token)
      return found?.scopes
    },

    /** Replaces the secret and ends the tokens of the old one; returns the client's id, if there is one of this name. */
    async replaceSecret(name: string, secretHash: Buffer): Promise<string | undefined> {
      const [replaced] = await runner.run(executor =>
        executor
          .update(clients)
          .set({ secretHash, tokenVersion: sql`${clients.tokenVersion} + 1` })
          .where(eq(clients.name, name))
          .returning({ id: clients.id }),
      )
      return replaced?.id
    },

    /** Removes a client, and its tokens with it; returns its id, if there was one of this name. */
    async remove(name: string): Promise<string | undefined> {
      const [removed] = await runner.run(executor =>
        executor.delete(clients).where(eq(clients.name, name)).returning({ id: clients.id }),
      )
      return removed?.id
    },
  }
}

const countingToken = sql`
  select scopes from clients
  where clients.id = ${sql.placeholder('clientId')} and token_version = ${sql.placeholder('tokenVersion')}
    and to_timestamp(${sql.placeholder('issuedAt')}::float8) >= ${notBefore} and not ${tokenIsRevoked}`

const scopesOfToken = hotSql<ClientTokenFacts, Pick<Client, 'scopes'>>('scopes_of_token', countingToken)
const holdToken = hotSql<ClientTokenFacts, Pick<Client, 'scopes'>>(
  'hold_token_of_client',
  sql`${countingToken} for share of clients`,
)
