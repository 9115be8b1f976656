import { type KeyObject, randomUUID } from 'node:crypto'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import type { Test } from 'tap'

/** A key pair of an issuer. */
export interface IssuerKey {
  kid: string
  alg: string
  privateKey: CryptoKey | KeyObject
  jwk: JWK
}

/** Makes a key pair, as the API server of a cluster has one. */
export async function makeKey(kid: string = randomUUID(), alg = 'RS256'): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

export interface TokenOptions {
  key?: IssuerKey
  subject?: string
  audience?: string[]
  /** Replaces claims; undefined removes one. */
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
}

/** A cluster as far as its tokens go: an HTTP server with discovery and keys, and tokens of the form that Kubernetes issues. */
export interface ClusterIssuer {
  issuer: string
  /** The published keys; the first one signs. */
  keys: IssuerKey[]
  /** Paths of the requests so far. */
  requests: string[]
  /** Set to answer every request differently; undefined for the usual answers. */
  answer: RequestListener | undefined
  token(options?: TokenOptions): Promise<string>
  stop(): Promise<void>
}

export const ACCOUNT = 'system:serviceaccount:shop:api'

export interface ClusterOptions {
  /** Creates the server; by default without TLS. */
  listen?: (listener: RequestListener) => Server
  scheme?: string
  audience?: string
}

/** Starts a made-up cluster issuer on a port of its own. */
export async function startCluster(
  t: Test,
  { listen = createServer, scheme = 'http', audience = 'latchkey' }: ClusterOptions = {},
) {
  const cluster: ClusterIssuer = {
    issuer: '',
    keys: [await makeKey()],
    requests: [],
    answer: undefined,
    token: options => signToken(cluster, { audience: [audience], ...options }),
    stop: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  const server = listen((request, response) => {
    cluster.requests.push(request.url!)
    if (cluster.answer) return cluster.answer(request, response)
    const document =
      request.url === '/.well-known/openid-configuration'
        ? {
            issuer: cluster.issuer,
            jwks_uri: `${cluster.issuer}/openid/v1/jwks`,
            response_types_supported: ['id_token'],
          }
        : { keys: cluster.keys.map(({ jwk }) => jwk) }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cluster.issuer = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.teardown(() => cluster.stop())
  return cluster
}

/** A token of the form that Kubernetes 1.32 projects into a pod. */
async function signToken(
  cluster: ClusterIssuer,
  { key = cluster.keys[0]!, subject = ACCOUNT, audience = [], claims, header }: TokenOptions,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const [, , namespace, name] = subject.split(':')
  const payload = {
    aud: audience,
    exp: now + 3600,
    iat: now,
    iss: cluster.issuer,
    jti: randomUUID(),
    'kubernetes.io': {
      namespace,
      node: { name: 'node-1', uid: randomUUID() },
      pod: { name: 'api-7d9f', uid: randomUUID() },
      serviceaccount: { name, uid: randomUUID() },
    },
    nbf: now,
    sub: subject,
    ...claims,
  }
  return new SignJWT(JSON.parse(JSON.stringify(payload)))
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
    .sign(key.privateKey)
}
