import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type ActiveToken, introspectToken } from '../../../domain/clients/introspect-token.js'
import type { AuthContext } from '../../../domain/context.js'
import { recordConcerns } from '../../request-facts.js'
import { jsonObject, type Static, Type } from '../../schemas.js'
import {
  clientOf,
  clientOperation,
  clientRouteOptions,
  formOf,
  oauthErrors,
  tokenField,
} from './client-authentication.js'

const claims = {
  active: Type.Boolean(),
  token_type: Type.Optional(Type.Literal('Bearer', { description: 'Only for access tokens.' })),
  sub: Type.Optional(Type.String()),
  client_id: Type.Optional(Type.String()),
  username: Type.Optional(Type.String()),
  scope: Type.Optional(Type.String()),
  roles: Type.Optional(Type.Array(Type.String())),
  sid: Type.Optional(Type.String()),
  iss: Type.Optional(Type.String()),
  aud: Type.Optional(Type.String()),
  jti: Type.Optional(Type.String()),
  iat: Type.Optional(Type.Integer()),
  exp: Type.Optional(Type.Integer()),
  auth_time: Type.Optional(Type.Integer()),
}
/** @param namespace the claim that contains the claims of the application */
const introspectionOf = (namespace: string) =>
  Type.Object(
    { ...claims, [namespace]: Type.Optional(jsonObject('The claims of the application about the user.')) },
    { title: 'Introspection', description: 'Whether the token is active; only then its claims.' },
  )

const introspectionHint = Type.Optional(
  Type.String({ description: 'A refresh token is active only if the hint is `refresh_token`.' }),
)

/** Tells services that do not verify tokens themselves whether a token is active (RFC 7662). */
export const introspectRoute: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  const introspection = introspectionOf(context.config.claimsNamespace)
  app.post(
    '/oauth/introspect',
    {
      ...clientRouteOptions(app),
      schema: {
        operationId: 'introspectToken',
        summary: 'Introspect a token',
        description:
          'For clients with the scope `introspect`. Reads the database, so it includes the latest revocations. Without a ' +
          'hint, only access tokens of users and the client’s own access tokens can be active.',
        ...clientOperation,
        body: formOf({ token: tokenField, token_type_hint: introspectionHint }),
        response: { 200: introspection, ...oauthErrors('unauthorized_client') },
      },
    },
    async request => {
      const { token, token_type_hint: hint } = request.body
      const client = await clientOf(context, request)
      const live = await introspectToken(context, client, token, hint)
      if (live?.sessionId !== undefined) recordConcerns(request, { userId: live.subject, sessionId: live.sessionId })
      return live ? viewOf(live, context.config) : { active: false }
    },
  )
}

function viewOf(
  token: ActiveToken,
  { issuer, claimsNamespace }: Pick<AuthContext['config'], 'issuer' | 'claimsNamespace'>,
): Static<ReturnType<typeof introspectionOf>> {
  const { audience, username, scopes, sessionId, jti, issuedAt, authTime, roles, claims = {} } = token
  return {
    active: true,
    ...(token.kind === 'access' && { token_type: 'Bearer' as const }),
    sub: token.subject,
    client_id: token.clientId,
    iss: issuer,
    exp: token.expiresAt,
    ...(audience !== undefined && { aud: audience }),
    ...(username != null && { username }),
    ...(scopes !== undefined && { scope: scopes.join(' ') }),
    ...(roles !== undefined && { roles: [...roles] }),
    ...(Object.keys(claims).length > 0 && { [claimsNamespace]: claims }),
    ...(sessionId !== undefined && { sid: sessionId }),
    ...(jti !== undefined && { jti }),
    ...(issuedAt !== undefined && { iat: issuedAt }),
    ...(authTime !== undefined && { auth_time: authTime }),
  }
}
