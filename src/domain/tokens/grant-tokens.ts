import type { SessionFacts } from '../../postgres/session-facts.js'
import { type PublicUser, publicUser } from '../accounts/profile.js'
import type { AuthContext } from '../context.js'
import type { IssuedDeviceCookie } from '../login/device-cookie.js'
import { accessTokenClaims, claimsIn } from './access-token.js'
import { type RefreshToken, writeRefreshToken } from './refresh-token.js'

/** An access token, with its session and its user. */
export interface AccessGrant {
  accessToken: string
  accessExpiresInSeconds: number
  sessionId: string
  /** The client that opened the session. */
  clientId: string
  user: PublicUser
  /** Only after a sign-in: whether it cancelled the deletion of the account. */
  deletionCancelled?: boolean | undefined
}

/** The result of a sign-in or a refresh. */
export interface Grant extends AccessGrant {
  refreshToken: string
  refreshExpiresInSeconds: number
  /** If false, the browser deletes its cookies when it is closed. */
  remember: boolean
  /** Only after a sign-in from a browser. */
  device?: IssuedDeviceCookie | undefined
}

/** Makes the tokens of a session: a new access token, and the refresh token that is now in the whitelist. */
export function grantTokens(
  context: Pick<AuthContext, 'config' | 'keyring'>,
  facts: SessionFacts,
  refreshToken: RefreshToken,
  withTokenType?: boolean,
): Grant {
  return {
    ...grantAccessToken(context, facts, refreshToken.generation, withTokenType),
    refreshToken: writeRefreshToken(refreshToken),
    refreshExpiresInSeconds: Math.max(0, Math.floor(facts.refreshExpiresInSeconds ?? 0)),
    remember: facts.remember,
  }
}

/** @param generation of the refresh token that the holder of the access token has: see `gen` in access-token.ts */
export function grantAccessToken(
  { config, keyring }: Pick<AuthContext, 'config' | 'keyring'>,
  facts: SessionFacts,
  generation: number,
  withTokenType?: boolean,
): AccessGrant {
  const claims = accessTokenClaims(facts, generation, config, withTokenType)
  return {
    accessToken: keyring.signingKey(claims.iat * 1000).sign(claims),
    accessExpiresInSeconds: claims.exp - claims.iat,
    sessionId: facts.sessionId,
    clientId: facts.clientId,
    deletionCancelled: facts.deletionCancelled,
    user: publicUser({
      ...facts,
      id: facts.userId,
      createdAt: facts.userCreatedAt,
      // As the token has them.
      claims: claimsIn(claims, config.claimsNamespace),
    }),
  }
}
