import { bindAddress, webOrigin } from '../network-value-kinds.js'
import type { SettingTree } from '../setting.js'
import { durationSeconds, integer, list, oneOf, text } from '../value-kinds.js'
import { processSettings } from './process.js'

const cookieName = text('the name of a cookie', /^[\w!#$%&'*+.^`|~-]+$/)

/** The settings of `latchkey edge`. It reads no others, so that it can run where the service does not. */
export const edgeSettings = {
  issuer: {
    variable: 'EDGE_ISSUER',
    kind: text('the `iss` of the access tokens, without spaces', /^\S{1,1000}$/),
    required: 'set it to the issuer of the access tokens, such as https://auth.example.com',
    description: 'The `iss` of the access tokens: `JWT_ISSUER` of Latchkey, or else its public address.',
  },
  audience: {
    variable: 'EDGE_AUDIENCE',
    kind: text('the `aud` of the access tokens, without spaces', /^\S{1,1000}$/),
    defaultText: 'the issuer',
    description: 'The `aud` of the access tokens, if Latchkey has a `JWT_AUDIENCE`.',
  },
  baseUrl: {
    variable: 'EDGE_BASE_URL',
    kind: text('an http(s) URL', /^https?:\/\/\S+$/),
    defaultText: 'the issuer',
    description: 'Where the edge reaches Latchkey, if not at the issuer: `http://latchkey:3000` inside a network.',
  },
  clientId: {
    variable: 'EDGE_CLIENT_ID',
    kind: text('the id of a client', /^\S{1,200}$/),
    required: 'create a client with "latchkey clients create edge --scope revocations" and set its id',
    description: 'The id of a [client](clients.md) with the scope `revocations`.',
  },
  clientSecret: {
    variable: 'EDGE_CLIENT_SECRET',
    kind: text('the secret of the client', /^\S{1,1000}$/),
    defaultText: 'unset; one of the three is required',
    secret: true,
    description:
      'The secret of this client. Or one of the two below, for a [client without a secret](clients.md#clients-without-secrets).',
  },
  clientAssertionFile: {
    variable: 'EDGE_CLIENT_ASSERTION_FILE',
    kind: text('the path of a file', /./),
    description:
      'The file with a token that proves the identity of this client, such as a projected service-account token of Kubernetes. It ' +
      'is read anew for each request for a client token.',
  },
  clientKey: {
    variable: 'EDGE_CLIENT_KEY',
    kind: text('a private key as PEM or JWK', /./),
    secret: true,
    description:
      'The private key of this client. Usually `EDGE_CLIENT_KEY_FILE` is set to the path of the file that has it.',
  },
  clientKeyId: {
    variable: 'EDGE_CLIENT_KEY_ID',
    kind: text('a key id', /^\S{1,200}$/),
    description: 'The `kid` of this key, if the client has several.',
  },
  name: {
    variable: 'EDGE_NAME',
    kind: text('1 to 64 characters of A-Z, a-z, 0-9, _ . : -', /^[A-Za-z0-9_.:-]{1,64}$/),
    defaultText: 'the host name',
    description: 'How `latchkey verifiers list` and [receipts](receipts.md) call this process.',
  },
  host: {
    variable: 'EDGE_HOST',
    kind: bindAddress,
    default: '127.0.0.1',
    description:
      'The address to listen on. Everybody who reaches it can ask whether a token is valid; only the gateway should. Set ' +
      '`0.0.0.0` if the gateway is in another container.',
  },
  port: {
    variable: 'EDGE_PORT',
    kind: integer(0, 65_535),
    default: '3001',
    description: 'The port for HTTP. `0` takes any free port.',
  },
  grpcPort: {
    variable: 'EDGE_GRPC_PORT',
    kind: integer(1, 65_535),
    description: "The port for Envoy's ext_authz over gRPC. If it is unset, there is no gRPC.",
  },
  gateway: {
    variable: 'EDGE_GATEWAY',
    kind: oneOf('nginx', 'haproxy', 'caddy', 'traefik', 'envoy'),
    defaultText: 'unset; required with `EDGE_RULES` and HTTP',
    description:
      "Which gateway asks over HTTP. It decides where the client's method and path come from: a client can send every " +
      'other header itself ([edge](edge.md#what-the-gateway-sends)).',
  },
  rules: {
    variable: 'EDGE_RULES',
    kind: text('rules in YAML or JSON', /./),
    defaultText: 'unset: every request needs a valid token',
    description:
      'The [rules by route](edge.md#rules). Usually `EDGE_RULES_FILE` is set to the path of the file that has them.',
  },
  accessCookie: {
    variable: 'EDGE_ACCESS_COOKIE',
    kind: cookieName,
    description:
      'The name of the access cookie, such as `__Host-latchkey-at`, if it is accepted too. A request with `Authorization` ' +
      'is judged by that alone.',
  },
  origins: {
    variable: 'EDGE_ORIGINS',
    kind: list(webOrigin),
    defaultText: 'the host of the request',
    description: 'With the access cookie: the origins whose pages can send requests that change something.',
  },
  refreshCookie: {
    variable: 'EDGE_REFRESH_COOKIE',
    kind: cookieName,
    default: '__Host-latchkey',
    description:
      'The name of the refresh cookie (`COOKIE_NAME` of Latchkey), which no service behind the gateway gets.',
  },
  maxStalenessSeconds: {
    variable: 'EDGE_MAX_STALENESS',
    kind: durationSeconds('5s', '1h'),
    default: '60s',
    description:
      'How long the edge decides without news from Latchkey. After that it answers 503, except on public routes. With a longer ' +
      'time it decides longer through an outage, and a session that ends meanwhile is accepted as long.',
  },
  keepAliveTimeoutMs: processSettings.keepAliveTimeoutMs,
  shutdownDelayMs: processSettings.shutdownDelayMs,
  logLevel: processSettings.logLevel,
} as const satisfies SettingTree
