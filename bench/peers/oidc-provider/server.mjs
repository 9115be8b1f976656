import { exportJWK, generateKeyPair } from 'jose'
import Provider from 'oidc-provider'
import { mapInParts, offer, range } from '../offer.mjs'
import { RedisAdapter } from './redis-adapter.mjs'

// oidc-provider with an adapter for Redis, rotation at every refresh, and introspection. Its id_token is signed with ES256, as
// the access tokens of Latchkey are.

const { PORT, CLIENT_ID, CLIENT_SECRET } = process.env
const SCOPE = 'openid offline_access'
const LIFETIME_SECONDS = 7200

const { privateKey } = await generateKeyPair('ES256', { extractable: true })
const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  adapter: RedisAdapter,
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['https://shop.example.com/callback'],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: 'bench' }] },
  cookies: { keys: ['a-secret-of-the-benchmark-and-of-nothing-else'] },
  features: { introspection: { enabled: true }, devInteractions: { enabled: false } },
  findAccount: (_context, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  rotateRefreshToken: true,
  ttl: { AccessToken: LIFETIME_SECONDS, RefreshToken: 604_800, Grant: 604_800, IdToken: LIFETIME_SECONDS },
})
provider.on('server_error', (_context, error) => console.error(error))
const server = provider.listen(PORT, '127.0.0.1')
await new Promise(resolve => server.once('listening', resolve))

const client = await provider.Client.find(CLIENT_ID)

/** What the end of a sign-in leaves: a grant, and a token for it. */
async function issue(Token, at) {
  const accountId = `person-${at}`
  const grant = new provider.Grant({ accountId, clientId: CLIENT_ID })
  grant.addOIDCScope(SCOPE)
  const grantId = await grant.save()
  const times = { authTime: Math.floor(Date.now() / 1000), expiresWithSession: false }
  const token = new Token({ client, accountId, grantId, scope: SCOPE, gty: 'authorization_code', ...times })
  return token.save()
}

offer({
  refreshTokens: count => mapInParts(range(count), at => issue(provider.RefreshToken, at)),
  accessTokens: count => mapInParts(range(count), at => issue(provider.AccessToken, at)),
})
