import type { Principal } from '../principal.js'
import type { ClientPrincipal } from './client-token.js'

/** Who bears an access token that is live; each rejects with a LatchkeyError if nobody does. */
export interface TokenBearer {
  verify(token: string): Promise<Principal>
  verifyClient(token: string): Promise<ClientPrincipal>
}
