import type { AuthContext } from '../context.js'
import { type ClientPrincipal, tokenFactsOf } from './client-token.js'
import type { Scope } from './clients.js'

/**
 * Which of these clients, whose tokens were valid before, would be refused now: a client was removed, has a new secret or
 * lost the scope, or the token, its key or all tokens were revoked. Whether a token has expired does not count: a
 * connection can last longer than a token.
 */
export async function findRefusedClients(
  { db, revocations }: Pick<AuthContext, 'db' | 'revocations'>,
  clients: readonly ClientPrincipal[],
  scope: Scope,
): Promise<Set<ClientPrincipal>> {
  const ids = new Set(clients.map(({ clientId }) => clientId))
  const versions = await db.clients.tokenVersionsOf([...ids], scope)
  return new Set(
    clients.filter(
      client =>
        versions.get(client.clientId) !== client.tokenVersion ||
        revocations.list.refuses(tokenFactsOf(client)) !== undefined,
    ),
  )
}
