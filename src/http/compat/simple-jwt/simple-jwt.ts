import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import type { AuthContext } from '../../../domain/context.js'
import { logIn } from '../../../domain/login/log-in.js'
import { endSessionOfToken } from '../../../domain/sessions/log-out.js'
import { SIMPLE_JWT_CLIENT_ID } from '../../../domain/tokens/access-token.js'
import { BODY_PROOFS, verifyRefreshToken } from '../../../domain/tokens/examine-refresh-token.js'
import { rotateRefreshToken } from '../../../domain/tokens/rotate-refresh-token.js'
import { verifyAccessToken } from '../../../domain/tokens/verify-access-token.js'
import { isCredentialRefusal, LatchkeyError } from '../../../lib/errors.js'
import { logRefusal } from '../../errors/problem.js'
import { toLatchkeyError } from '../../errors/to-latchkey-error.js'
import { recordConcerns } from '../../request-facts.js'
import { genuineDevice, genuineRefreshToken } from '../../routes/auth/genuine-credentials.js'
import { callerOf, recordGrant } from '../../routes/auth/token-response.js'
import { Type } from '../../schemas.js'
import { hasField, parseBodies, readFields } from './bodies.js'
import { describeView, sendRefusal, WRONG_TYPE } from './refusals.js'
import { credentialsBody, nothing, refusals, rotatedPair, signInExamples, tokenPair } from './schemas.js'

/**
 * Simple JWT's four endpoints (djangorestframework-simplejwt 5), with its bodies and its errors, over the functions of
 * src/domain; docs/simple-jwt.md lists the differences. Register it under a prefix, `/api/token`. The refresh token is
 * always in the body and the cookie is neither read nor set, so accepting forms is safe here.
 */
export async function simpleJwtRoutes(app: FastifyInstance, { context }: { context: AuthContext }): Promise<void> {
  parseBodies(app)
  // readFields validates the fields, with Django REST framework's messages; the schemas are for OpenAPI only.
  app.setValidatorCompiler(() => () => true)
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store')
  })
  app.setErrorHandler((thrown, request, reply) => {
    const error = toLatchkeyError(thrown)
    logRefusal(app.log, request, error)
    return sendRefusal(reply, error)
  })
  const refuseUnknownPath = (request: FastifyRequest, reply: FastifyReply) => {
    if (!PATHS.has(pathOf(request))) return sendRefusal(reply, new LatchkeyError('not_found'))
    const detail = `Method "${request.method}" not allowed.`
    return sendRefusal(reply.header('allow', METHODS), new LatchkeyError('method_not_allowed', { detail }))
  }
  app.setNotFoundHandler(refuseUnknownPath)
  // Before the body is read: Django REST framework ignores the body then.
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) return refuseUnknownPath(request, reply)
    return undefined
  })

  /** Adds a route with Django's slash at the end, and without it. */
  function post(
    path: '' | '/refresh' | '/verify' | '/blacklist',
    {
      viewName,
      schema,
      ...options
    }: { viewName: string; schema: DescribedSchema; bodyLimit?: number; config?: object },
    handler: (request: FastifyRequest, reply: FastifyReply) => Promise<object>,
  ): void {
    const described = {
      description: `${schema.summary}.`,
      ...schema,
      tags: ['Older APIs'],
      consumes: FORMATS,
      documented: { commonErrors: false as const, ...schema.documented },
    }
    app.post(`${path}/`, { ...options, prefixTrailingSlash: 'slash', schema: described }, handler)
    app.post(path, { ...options, schema: { ...described, hide: true } }, handler)
    const { summary, description = `${summary}.` } = schema
    const fields = Object.keys(schema.body.properties)
    const view = { name: viewName, description, allow: METHODS, parses: FORMATS, fields }
    const describe = async (_request: FastifyRequest, reply: FastifyReply) => describeView(reply, view)
    app.options(`${path}/`, { prefixTrailingSlash: 'slash', schema: { hide: true } }, describe)
    app.options(path, { schema: { hide: true } }, describe)
  }

  // Counted together with our own routes, so that these paths give no additional attempts to guess passwords or tokens.
  const limitCountedAs = (countsAs: string) => ({ ...app.limits.perAddress, countsAs })

  post(
    '',
    {
      viewName: 'Token Obtain Pair',
      config: { ...limitCountedAs('POST /auth/login'), genuine: genuineDevice(context, credentialsOf) },
      schema: {
        operationId: 'simpleJwtLogIn',
        summary: 'Simple JWT: sign in',
        description:
          'Takes `email` instead of `username` too. An e-mail address in `username` means the account with that ' +
          'e-mail.',
        documented: { body: credentialsBody, examples: signInExamples },
        body: Type.Object({ username: Type.String(), password: Type.String() }),
        response: { 200: tokenPair, ...refusals },
      },
    },
    async request => {
      const credentials = { ...credentialsOf(request.body), deviceCookie: request.deviceCookie() }
      const grant = await logIn(context, credentials, callerOf(request))
      recordGrant(request, grant)
      return { refresh: grant.refreshToken, access: grant.accessToken }
    },
  )

  post(
    '/refresh',
    {
      viewName: 'Token Refresh',
      config: {
        ...limitCountedAs('POST /auth/refresh'),
        genuine: genuineRefreshToken(context, request => [readFields(request.body, 'refresh').refresh]),
      },
      schema: {
        operationId: 'simpleJwtRefresh',
        summary: 'Simple JWT: exchange the refresh token for new tokens',
        body: Type.Object({ refresh: Type.String() }),
        response: { 200: rotatedPair, ...refusals },
      },
    },
    async request => {
      const { refresh } = readFields(request.body, 'refresh')
      await refuseAccessToken(context, refresh)
      const grant = await rotateRefreshToken(context, refresh, callerOf(request), {
        withTokenType: true,
        proofs: BODY_PROOFS,
      })
      recordGrant(request, grant)
      return { access: grant.accessToken, refresh: grant.refreshToken }
    },
  )

  post(
    '/verify',
    {
      viewName: 'Token Verify',
      bodyLimit: 8192,
      schema: {
        operationId: 'simpleJwtVerify',
        summary: 'Simple JWT: check whether an access or a refresh token is valid',
        body: Type.Object({ token: Type.String() }),
        response: { 200: nothing, ...refusals },
      },
    },
    async request => {
      const { token } = readFields(request.body, 'token')
      const verified = isJwt(token) ? await verifyAccessToken(context, token) : await verifyRefreshToken(context, token)
      recordConcerns(request, verified)
      return {}
    },
  )

  post(
    '/blacklist',
    {
      viewName: 'Token Blacklist',
      config: { revokes: 'for users' },
      schema: {
        operationId: 'simpleJwtBlacklist',
        summary: 'Simple JWT: revoke the session of a refresh token',
        body: Type.Object({ refresh: Type.String() }),
        response: { 200: nothing, ...refusals },
      },
    },
    async request => {
      const { refresh } = readFields(request.body, 'refresh')
      await refuseAccessToken(context, refresh)
      recordConcerns(request, await endSessionOfToken(context, refresh, callerOf(request)))
      return {}
    },
  )

  const PATHS = new Set(['', '/refresh', '/verify', '/blacklist'].map(path => `${app.prefix}${path}`))
}

const METHODS = 'POST, OPTIONS'
const FORMATS = ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data']
/** The body is an object, whose fields OPTIONS lists. */
type DescribedSchema = FastifySchema & { summary: string; body: { properties: object } }

/** Some Django sites sign in with the e-mail, others with the username. */
function credentialsOf(body: unknown) {
  const common = { transport: 'body', clientId: SIMPLE_JWT_CLIENT_ID } as const
  if (hasField(body, 'email') && !hasField(body, 'username'))
    return { ...common, ...readFields(body, 'email', 'password') }
  return { ...common, ...readFields(body, 'username', 'password') }
}

/** A JWT contains dots; our refresh tokens contain none. */
function isJwt(token: string): boolean {
  return token.includes('.')
}

/** Refuses an access token in the place of a refresh token, with the reason that Simple JWT gives. */
async function refuseAccessToken({ accessTokens }: AuthContext, token: string): Promise<void> {
  if (!isJwt(token)) return
  await accessTokens.verify(token).catch((error: unknown) => {
    // Without the claims of the token: the answer has no `messages`, because no access token was expected.
    throw isCredentialRefusal(error) ? new LatchkeyError(error.code, { cause: error.cause }) : error
  })
  throw new LatchkeyError('refresh_token_invalid', { detail: WRONG_TYPE })
}

function pathOf({ url }: FastifyRequest): string {
  return url.replace(/[?#].*$/, '').replace(/\/$/, '')
}
