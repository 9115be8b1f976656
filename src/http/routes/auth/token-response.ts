import type { FastifyReply, FastifyRequest } from 'fastify'
import type { PublicUser } from '../../../domain/accounts/profile.js'
import type { Caller } from '../../../domain/context.js'
import type { AccessGrant, Grant } from '../../../domain/tokens/grant-tokens.js'
import { ipAddressForm } from '../../../lib/ip-address.js'
import { languageOf } from '../../language.js'
import { recordConcerns } from '../../request-facts.js'
import type { TokenResponse, UserView } from '../../schemas.js'

export type Transport = 'cookie' | 'body'

/** The address, browser, id and language of a request. An invalid address from a proxy is no reason to refuse the client. */
export function callerOf(request: FastifyRequest): Caller {
  const userAgent = request.headers['user-agent']?.slice(0, USER_AGENT_MAX_LENGTH)
  return { ip: ipAddressForm(request.ip), userAgent, requestId: request.id, language: languageOf(request) }
}

/** Headers can have 32 KB, and every event stores this one. */
const USER_AGENT_MAX_LENGTH = 512

/** Sends tokens to a client: the refresh token in a cookie, or in the body for clients that store it themselves. */
export function replyWithTokens(reply: FastifyReply, grant: Grant, transport: Transport): TokenResponse {
  recordGrant(reply.request, grant)
  reply.header('Cache-Control', 'no-store')
  if (transport === 'cookie') {
    // A cookie without an age ends when the browser is closed. Every refresh keeps it so.
    reply.setRefreshCookie(grant.refreshToken, grant.remember ? grant.refreshExpiresInSeconds : undefined)
    reply.setAccessCookie(grant.accessToken, grant.remember ? grant.accessExpiresInSeconds : undefined)
    if (grant.device) reply.setDeviceCookie(grant.device.cookie, grant.device.maxAgeSeconds)
  }
  return { ...accessTokenView(grant), ...(transport === 'body' && { refresh_token: grant.refreshToken }) }
}

/** Sends an access token alone: without a cookie, and without a refresh token. */
export function replyWithAccessToken(reply: FastifyReply, grant: AccessGrant): TokenResponse {
  recordGrant(reply.request, grant)
  reply.header('Cache-Control', 'no-store')
  return accessTokenView(grant)
}

function accessTokenView(grant: AccessGrant): TokenResponse {
  return {
    access_token: grant.accessToken,
    token_type: 'Bearer',
    expires_in: grant.accessExpiresInSeconds,
    session_id: grant.sessionId,
    user: userView(grant.user),
    ...(grant.deletionCancelled && { deletion_cancelled: true }),
  }
}

/** Records for the log whose tokens a request gets. */
export function recordGrant(request: FastifyRequest, { user, sessionId, clientId }: AccessGrant): void {
  recordConcerns(request, { userId: user.id, sessionId, clientId })
}

export function userView({ emailVerified, claims, createdAt, roles, ...user }: PublicUser): UserView {
  const { id, email, username } = user
  return {
    id,
    email,
    email_verified: emailVerified,
    username,
    roles: [...roles],
    claims: { ...claims },
    created_at: createdAt.toISOString(),
  }
}
