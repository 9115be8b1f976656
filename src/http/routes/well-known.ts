import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import Type from 'typebox'
import { ASSERTION_ALGORITHMS } from '../../domain/clients/assertion-checks.js'
import { SCOPES } from '../../domain/clients/clients.js'
import type { Keyring } from '../../domain/keys/keyring.js'

export interface WellKnownOptions {
  keyring: Keyring
  issuer: string
  /** The URL before every path of this service, and the path of that URL; see Config. */
  publicUrl: string
  publicPath: string
  /** JWT_ALGORITHM. */
  algorithm: string
}

/**
 * Caches keep the keys for at most 6 minutes. A new key is published ten minutes before it signs, so every cache has it
 * by then: increase KEY_LEAD_SECONDS before you increase this. Such a cache also keeps a revoked key for that long; many
 * libraries ignore this header and keep the keys for 10 minutes (docs/revocation.md).
 */
const CACHE_CONTROL = 'public, max-age=300, stale-while-revalidate=60'

// Other members are never sent, so that no private part of a key can be published by accident.
const PublicJwk = Type.Object(
  {
    kid: Type.String(),
    alg: Type.String(),
    use: Type.String(),
    kty: Type.String(),
    crv: Type.Optional(Type.String()),
    x: Type.Optional(Type.String()),
    y: Type.Optional(Type.String()),
    n: Type.Optional(Type.String()),
    e: Type.Optional(Type.String()),
  },
  { title: 'PublicKey' },
)
const Jwks = Type.Object({ keys: Type.Array(PublicJwk) }, { title: 'PublicKeys', description: 'The public keys.' })

const Metadata = Type.Object(
  {
    issuer: Type.String(),
    jwks_uri: Type.String(),
    response_types_supported: Type.Array(Type.String()),
    grant_types_supported: Type.Array(Type.String()),
    scopes_supported: Type.Array(Type.String()),
    token_endpoint: Type.String(),
    token_endpoint_auth_methods_supported: Type.Array(Type.String()),
    token_endpoint_auth_signing_alg_values_supported: Type.Array(Type.String()),
    introspection_endpoint: Type.String(),
    introspection_endpoint_auth_methods_supported: Type.Array(Type.String()),
    introspection_endpoint_auth_signing_alg_values_supported: Type.Array(Type.String()),
    revocation_endpoint: Type.String(),
    global_token_revocation_endpoint: Type.String(),
    revocation_endpoint_auth_methods_supported: Type.Array(Type.String()),
    revocation_endpoint_auth_signing_alg_values_supported: Type.Array(Type.String()),
    subject_types_supported: Type.Array(Type.String()),
    id_token_signing_alg_values_supported: Type.Array(Type.String(), {
      description:
        'The algorithms of the public keys; first the one that signs access tokens now. There are no ID tokens.',
    }),
  },
  { title: 'ServerMetadata', description: 'The addresses of the endpoints, and what they support.' },
)

/** The data with which other services verify tokens: the public keys (RFC 7517) and their address (RFC 8414). */
export const wellKnownRoutes: FastifyPluginAsyncTypebox<WellKnownOptions> = async (app, options) => {
  const metadata = authorizationServerMetadata(options)
  // Libraries take the algorithms of all tokens from here. If every key was revoked, the next one is read in a moment.
  const algorithms = () => {
    const served = options.keyring.algorithms(Date.now())
    return served.length > 0 ? served : [options.algorithm]
  }

  app.get(
    '/.well-known/jwks.json',
    {
      schema: {
        operationId: 'getPublicKeys',
        summary: 'Get the public keys that verify access tokens',
        description: 'A JWK Set (RFC 7517). Cache it as `Cache-Control` says.',
        tags: ['Verification'],
        response: { 200: Jwks },
      },
    },
    // Not application/jwk-set+json: some clients accept only application/json.
    async (_request, reply) => reply.header('cache-control', CACHE_CONTROL).send(options.keyring.jwks(Date.now())),
  )

  const response = { 200: Metadata }
  const addresses: Record<string, FastifySchema> = {
    '/.well-known/oauth-authorization-server': {
      operationId: 'getServerMetadata',
      summary: 'Get the authorization server metadata (RFC 8414)',
      description: 'For OAuth libraries, which find the other endpoints here.',
      tags: ['Verification'],
      response,
    },
    '/.well-known/openid-configuration': {
      operationId: 'getOpenidConfiguration',
      summary: 'Get the same metadata where OpenID Connect libraries look for it',
      description:
        'For libraries that verify tokens and look only here. Latchkey is not an OpenID provider: it has no ' +
        'authorization endpoint and issues no ID tokens.',
      tags: ['Verification'],
      response,
    },
  }
  const sendMetadata = async (_request: FastifyRequest, reply: FastifyReply) =>
    reply
      .header('cache-control', CACHE_CONTROL)
      .send({ ...metadata, id_token_signing_alg_values_supported: algorithms() })
  for (const [address, schema] of Object.entries(addresses)) {
    app.get(address, { schema }, sendMetadata)
    // RFC 8414, 3.1: the issuer's path follows the well-known part. OpenID Connect and many clients put it before.
    if (options.publicPath !== '')
      app.get(address + options.publicPath, { schema: { ...schema, hide: true } }, sendMetadata)
  }
}

/** Lists the existing endpoints. A new endpoint needs its lines here. */
function authorizationServerMetadata({ issuer, publicUrl }: WellKnownOptions) {
  const at = (path: string) => publicUrl + path
  return {
    issuer,
    jwks_uri: at('/.well-known/jwks.json'),
    // There is no authorization endpoint, but RFC 8414 and parsers require this member.
    response_types_supported: [],
    grant_types_supported: ['client_credentials', 'refresh_token'],
    scopes_supported: [...SCOPES],
    token_endpoint: at('/oauth/token'),
    token_endpoint_auth_methods_supported: AUTH_METHODS,
    token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    introspection_endpoint: at('/oauth/introspect'),
    introspection_endpoint_auth_methods_supported: AUTH_METHODS,
    introspection_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    revocation_endpoint: at('/oauth/revoke'),
    revocation_endpoint_auth_methods_supported: AUTH_METHODS,
    revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    global_token_revocation_endpoint: at('/global-token-revocation'),
    // OpenID Connect requires this one.
    subject_types_supported: ['public'],
  }
}

const AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']
