import type { FastifyContextConfig, FastifyInstance, FastifyRequest } from 'fastify'
import {
  type ClientAssertion,
  useAssertion,
  type VerifiedAssertion,
  verifyAssertion,
} from '../../../domain/clients/authenticate-by-assertion.js'
import { authenticateClient, type ClientCredentials } from '../../../domain/clients/clients.js'
import type { AuthContext } from '../../../domain/context.js'
import { fieldError, LatchkeyError } from '../../../lib/errors.js'
import type { KnownClient } from '../../../postgres/clients.js'
import type { GenuineCredential } from '../../plugins/rate-limit.js'
import { recordConcerns } from '../../request-facts.js'
import { type TProperties, Type } from '../../schemas.js'
import { callerOf } from '../auth/token-response.js'

/**
 * The client that makes a request, after the body was read. An assertion that can be used once is used up.
 *
 * @throws LatchkeyError invalid_client, invalid_request, client_keys_unavailable
 */
export async function clientOf(context: AuthContext, request: FastifyRequest): Promise<KnownClient> {
  const identified = await identify(context, request)
  const used = authenticated.get(request) ?? useAssertion(context, identified, callerOf(request))
  authenticated.set(request, used)
  await used
  return identified.client
}

/**
 * The client whose credentials are genuine. An assertion is not used up: the rate limit asks first, and a request that it
 * refuses can be sent again as it is. The client is looked up once for each request.
 */
function identify(context: AuthContext, request: FastifyRequest): Promise<VerifiedAssertion> {
  const known = identities.get(request) ?? identifyNow(context, request)
  identities.set(request, known)
  return known
}

const identities = new WeakMap<FastifyRequest, Promise<VerifiedAssertion>>()
const authenticated = new WeakMap<FastifyRequest, Promise<void>>()

async function identifyNow(context: AuthContext, request: FastifyRequest): Promise<VerifiedAssertion> {
  const posted = (request.body ?? {}) as PostedCredentials
  const given = assertionOf(request, posted) ?? clientCredentialsOf(request, posted)
  const verified =
    'assertion' in given
      ? await verifyAssertion(context, given, callerOf(request))
      : { client: await authenticateClient(context, given), use: undefined }
  recordConcerns(request, { clientId: verified.client.id })
  return verified
}

/** The credentials of a client in the body (`client_secret_post`, `private_key_jwt`). */
interface PostedCredentials {
  client_id?: string
  client_secret?: string
  client_assertion_type?: string
  client_assertion?: string
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * Reads the client's assertion from the body (RFC 7521, 4.2); undefined if there is none.
 *
 * @throws LatchkeyError invalid_request if it is incomplete, or if there are other credentials too
 */
function assertionOf(
  { headers }: FastifyRequest,
  { client_id, client_secret, client_assertion, client_assertion_type }: PostedCredentials,
): ClientAssertion | undefined {
  if (client_assertion === undefined && client_assertion_type === undefined) return undefined
  if (headers.authorization !== undefined || client_secret !== undefined)
    throw new LatchkeyError('invalid_request', { detail: 'Authenticate by an assertion or by a secret, not both.' })
  if (client_assertion === undefined)
    throw fieldError('invalid_request', 'client_assertion', 'is required with client_assertion_type')
  if (client_assertion_type !== ASSERTION_TYPE)
    throw fieldError('invalid_request', 'client_assertion_type', `must be ${ASSERTION_TYPE}`)
  return { clientId: client_id, assertion: client_assertion }
}

/**
 * Reads the client's credentials from the header or the body, but not both (RFC 6749, 2.3 and 2.3.1).
 *
 * @throws LatchkeyError invalid_client if there are none, invalid_request if both contain them
 */
function clientCredentialsOf(request: FastifyRequest, posted: PostedCredentials): ClientCredentials {
  const { client_id: clientId, client_secret: secret } = posted
  const { authorization } = request.headers
  if (authorization !== undefined) {
    const basic = readBasic(authorization)
    if (!basic) throw new LatchkeyError('invalid_client')
    if (secret !== undefined || (clientId !== undefined && clientId !== basic.clientId))
      throw new LatchkeyError('invalid_request', { detail: 'Authenticate in the header or in the body, not both.' })
    return basic
  }
  if (clientId === undefined || secret === undefined) throw new LatchkeyError('invalid_client')
  return { clientId, secret }
}

/** `Basic base64(form(id):form(secret))`: both parts are form-encoded before they are joined (RFC 6749, 2.3.1). */
function readBasic(authorization: string): ClientCredentials | undefined {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization) ?? []
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon === -1) return undefined
  try {
    return { clientId: formDecode(text.slice(0, colon)), secret: formDecode(text.slice(colon + 1)) }
  } catch {
    return undefined
  }
}

/** @throws URIError if the percent-encoding is invalid */
function formDecode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}

/** Tokens of issuers with many claims have some kilobytes. */
const ASSERTION_MAX_LENGTH = 8192

/** No token of this service is longer. */
export const TOKEN_MAX_LENGTH = 4096

/** The options of all routes for clients. */
export function clientRouteOptions(app: FastifyInstance, config: FastifyContextConfig = {}) {
  const genuine: GenuineCredential = {
    holderName: 'one client',
    async holder(request) {
      try {
        return `client:${(await identify(app.context, request)).client.id}`
      } catch (error) {
        // The route answers with it. Nobody is authenticated, so the request counts for its address.
        if (error instanceof LatchkeyError && error.code === 'client_keys_unavailable') return undefined
        throw error
      }
    },
  }
  return {
    // A token of 4 KB, an assertion of 8 KB, and the other fields.
    bodyLimit: 16_384,
    config: { ...app.limits.perService, genuine, csrf: 'never' as const, ...config },
  }
}

/** What the OpenAPI document says about all routes for clients. */
export const clientOperation = {
  tags: ['Other services'],
  security: [{ clientSecret: [] }, {}],
  consumes: ['application/x-www-form-urlencoded'],
  documented: { commonErrors: false as const },
}

/** Bodies that succeed if the client authenticates in the header. */
export const examples = {
  token: {
    own: { summary: 'A token of the client itself', value: { grant_type: 'client_credentials' } },
    ofSession: {
      summary: 'The next tokens of a session',
      value: { grant_type: 'refresh_token', refresh_token: 'lk_rt_…' },
    },
  },
}

/** The body of a route for clients: a form. Unknown parameters are ignored (RFC 6749, 3.2). */
export function formOf<T extends TProperties>(properties: T) {
  return Type.Object({
    client_id: Type.Optional(
      Type.String({ description: 'Required unless the client authenticates in the Authorization header.' }),
    ),
    client_secret: Type.Optional(Type.String()),
    client_assertion_type: Type.Optional(
      Type.String({ description: `For a client without a secret: \`${ASSERTION_TYPE}\`.` }),
    ),
    client_assertion: Type.Optional(
      Type.String({
        maxLength: ASSERTION_MAX_LENGTH,
        description: 'A JWT that the client signed (RFC 7523), or a token of the issuer that is registered for it.',
      }),
    ),
    ...properties,
  })
}

export const tokenField = Type.String({ maxLength: TOKEN_MAX_LENGTH })
export const hintField = Type.Optional(Type.String({ description: 'Accepted, but not needed.' }))

/** An error of RFC 6749, 5.2, with one of these codes. */
function errorSchema(description: string, ...codes: string[]) {
  const error = Type.Unsafe<string>({ type: 'string', enum: codes })
  const error_description = Type.Optional(Type.String({ description: 'What is wrong, for people.' }))
  return Type.Object({ error, error_description }, { description })
}

/**
 * The errors of a route for clients.
 *
 * @param codes those that not every such route has
 */
export function oauthErrors(...codes: string[]) {
  const listed = ['invalid_request', ...codes].map(code => `\`${code}\``).join(', ')
  return {
    400: errorSchema(`RFC 6749, 5.2: ${listed}`, 'invalid_request', ...codes),
    401: errorSchema('`invalid_client`: the id, the secret or the assertion is wrong', 'invalid_client'),
    429: errorSchema('`temporarily_unavailable`: too many requests', 'temporarily_unavailable'),
    500: errorSchema('`server_error`: an internal error', 'server_error'),
    503: errorSchema(
      '`temporarily_unavailable`: a store, or the issuer of the assertion, is unavailable',
      'temporarily_unavailable',
    ),
  }
}
