import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { AuthContext } from '../../../domain/context.js'
import { Type } from '../../schemas.js'
import { POLL, PUSH } from './schemas.js'

const metadata = Type.Object(
  {
    spec_version: Type.String(),
    issuer: Type.String(),
    jwks_uri: Type.String(),
    delivery_methods_supported: Type.Array(Type.String()),
    configuration_endpoint: Type.String(),
    status_endpoint: Type.String(),
    verification_endpoint: Type.String(),
    critical_subject_members: Type.Array(Type.String()),
    authorization_schemes: Type.Array(Type.Object({ spec_urn: Type.String() })),
    default_subjects: Type.String(),
  },
  { title: 'TransmitterMetadata', description: 'The addresses of the endpoints, and what they support.' },
)

/** The configuration of the transmitter (SSF 1.0, 7.1). */
export const transmitterMetadataRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (
  app,
  { context },
) => {
  const { issuer, publicUrl, publicPath } = context.config
  const at = (path: string) => publicUrl + path
  const answer = {
    spec_version: '1_0',
    issuer,
    jwks_uri: at('/.well-known/jwks.json'),
    delivery_methods_supported: [PUSH, POLL],
    configuration_endpoint: at('/ssf/streams'),
    status_endpoint: at('/ssf/status'),
    verification_endpoint: at('/ssf/verification'),
    // A receiver that reads only the user of a session would sign out all devices of the user.
    critical_subject_members: ['user', 'session', 'tenant'],
    authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }, { spec_urn: 'urn:ietf:rfc:6750' }],
    default_subjects: 'ALL',
  }
  const schema = {
    operationId: 'getTransmitterMetadata',
    summary: 'Get the configuration of the Shared Signals transmitter',
    description: 'For receivers of the Shared Signals Framework 1.0, which find the other endpoints here.',
    tags: ['Other services'],
    response: { 200: metadata },
  }
  const address = '/.well-known/ssf-configuration'
  app.get(address, { schema }, async (_request, reply) =>
    reply.header('cache-control', 'public, max-age=300').send(answer),
  )
  // SSF 1.0, 7.2: the path of the issuer follows the well-known part.
  if (publicPath !== '')
    app.get(address + publicPath, { schema: { ...schema, hide: true } }, async (_request, reply) =>
      reply.header('cache-control', 'public, max-age=300').send(answer),
    )
}
