import { randomUUID } from 'node:crypto'
import type { Contender } from '../contender.js'
import { headOf, repeated, request } from '../load/scenario.js'
import { USER_AGENT } from '../service/seed.js'
import type { BenchStores } from '../stores/start.js'
import { startNodePeer } from './node-peer.js'

const CLIENT = { CLIENT_ID: 'bench', CLIENT_SECRET: 'a-client-secret-of-the-benchmark-and-of-nothing-else' }
const CHAINS = 1000
const TOKENS = 1000

/** oidc-provider, with everything in Redis. */
export async function startOidcProvider(stores: BenchStores): Promise<Contender> {
  const env = { REDIS_URL: stores.redis.url, REDIS_KEY_PREFIX: randomUUID(), ...CLIENT }
  const peer = await startNodePeer('oidc-provider/server.mjs', env)
  const { port, pid, readyAfterMs, restMb, stop } = peer
  const authorization = Buffer.from(`${CLIENT.CLIENT_ID}:${CLIENT.CLIENT_SECRET}`).toString('base64')
  const headers = [
    `Authorization: Basic ${authorization}`,
    'Content-Type: application/x-www-form-urlencoded',
    `User-Agent: ${USER_AGENT}`,
  ]
  return {
    name: 'oidc-provider',
    kind: 'peer',
    guarantees: {
      durable: 'no',
      rotation: 'yes',
      reuseFound: 'yes',
      revokedAtOnce: 'yes, at introspection',
    },
    port,
    pid,
    readyAfterMs,
    restMb,
    stop,
    measures: [
      {
        operation: 'refresh',
        name: 'POST /token',
        measure: {
          scenario: async () => ({
            kind: 'chains',
            tokens: await peer.open<string>('refreshTokens', CHAINS),
            head: headOf('POST', '/token', headers),
            body: ['grant_type=refresh_token&refresh_token=', ''],
            field: 'refresh_token',
          }),
        },
      },
      {
        operation: 'introspect',
        name: 'POST /token/introspection',
        measure: {
          async scenario() {
            const tokens = await peer.open<string>('accessTokens', TOKENS)
            const requests = tokens.map(token => request('POST', '/token/introspection', headers, `token=${token}`))
            return repeated(requests)
          },
        },
      },
    ],
  }
}
