import { claimName } from '../claim-name-kind.js'
import type { SettingTree } from '../setting.js'
import { durationSeconds, integer, oneOf, secrets, text } from '../value-kinds.js'

const giveSecret = 'set it to at least 32 random bytes, for example from "openssl rand -base64 48"'
const name = text('one name or URL without spaces or commas', /^[^\s,]{1,255}$/)

export const tokenSettings = {
  jwtSecrets: {
    variable: 'JWT_SECRET',
    kind: secrets,
    secret: true,
    required: giveSecret,
    description:
      'Encrypts the signing keys of access tokens in the database. It must differ from `JWT_REFRESH_SECRET`.',
  },
  refreshSecrets: {
    variable: 'JWT_REFRESH_SECRET',
    kind: secrets,
    secret: true,
    required: giveSecret,
    description:
      'Authenticates refresh tokens, derives the successor of each, and authenticates what instances read from ' +
      'Redis.',
  },
  accessTokenTtlSeconds: {
    variable: 'JWT_EXPIRES_IN',
    kind: durationSeconds('10s', '2h'),
    default: '15m',
    description: 'The lifetime of an access token.',
  },
  refreshTokenTtlSeconds: {
    variable: 'JWT_REFRESH_EXPIRES_IN',
    kind: durationSeconds('10s', '400d'),
    default: '7d',
    description:
      'The lifetime of a refresh token. Each rotation restarts it, so it is also how long a session can stay ' +
      'unused. It must be longer than `JWT_EXPIRES_IN` and `REFRESH_MIN_AGE`.',
  },
  sessionMaxAgeSeconds: {
    variable: 'SESSION_MAX_AGE',
    kind: durationSeconds('10s', '3650d'),
    default: '30d',
    description: 'The absolute lifetime of a session, even if it is in use. At least `JWT_REFRESH_EXPIRES_IN`.',
  },
  sessionShortMaxAgeSeconds: {
    variable: 'SESSION_SHORT_MAX_AGE',
    kind: durationSeconds('10s', '3650d'),
    default: '12h',
    description:
      'The absolute lifetime of a session that was opened with `"remember": false`. If it is longer than ' +
      '`SESSION_MAX_AGE`, `SESSION_MAX_AGE` applies.',
  },
  refresh: {
    minAgeSeconds: {
      variable: 'REFRESH_MIN_AGE',
      kind: durationSeconds('0s', '10m'),
      default: '30s',
      description:
        'A refresh token younger than this is not rotated: a refresh returns the same refresh token and a new ' +
        'access token. It must be longer than `REFRESH_LEEWAY`, or both must be `0s` (for benchmarks).',
    },
    leewaySeconds: {
      variable: 'REFRESH_LEEWAY',
      kind: durationSeconds('0s', '5m'),
      default: '10s',
      description:
        'How long after a rotation the previous refresh token still gets the same successor without further ' +
        'checks.',
    },
    settleSeconds: {
      variable: 'REFRESH_SETTLE',
      kind: durationSeconds('0s', '10m'),
      default: '60s',
      description:
        'The time after a rotation during which use of the new tokens does not yet prove that the client has ' +
        'saved the new refresh token.',
    },
  },
  issuer: {
    variable: 'JWT_ISSUER',
    kind: name,
    defaultText: '`PUBLIC_ORIGIN` followed by `PUBLIC_PATH`',
    description: 'The `iss` claim of access tokens.',
  },
  audience: {
    variable: 'JWT_AUDIENCE',
    kind: name,
    defaultText: 'the same as `JWT_ISSUER`',
    description:
      'The `aud` claim of access tokens, which verifiers require. It must not be the issuer followed by ' +
      '`/clients`, because that is the `aud` of the tokens of clients themselves.',
  },
  claimsNamespace: {
    variable: 'JWT_CLAIMS_NAMESPACE',
    kind: claimName,
    default: 'ext',
    description:
      'The claim of access tokens that contains the [claims of your application](claims.md). A URL of yours cannot be the ' +
      'name of another claim (RFC 7519, 4.2). Verifiers need the same value, so decide before the first token.',
  },
  algorithm: {
    variable: 'JWT_ALGORITHM',
    kind: oneOf('ES256', 'EdDSA', 'RS256'),
    default: 'ES256',
    description:
      'The algorithm of new signing keys. Existing keys keep their algorithm until they retire. All libraries ' +
      'verify ES256 and RS256. `EdDSA` is not supported by jsonwebtoken and libraries based on it (passport-jwt, ' +
      'express-jwt, koa-jwt), by get-jwks and by python-jose.',
  },
  keyRotationIntervalSeconds: {
    variable: 'KEY_ROTATION_INTERVAL',
    kind: durationSeconds('1h', '3650d'),
    default: '90d',
    description: 'How long a signing key signs before the next key replaces it.',
  },
  maxSessionsPerUser: {
    variable: 'MAX_SESSIONS_PER_USER',
    kind: integer(0, 10_000),
    default: '100',
    description: 'The maximum number of sessions of one user. `0` means no limit.',
  },
  maxSessionsPolicy: {
    variable: 'MAX_SESSIONS_POLICY',
    kind: oneOf('evict', 'deny'),
    default: 'evict',
    description:
      'What happens at a sign-in beyond `MAX_SESSIONS_PER_USER`: `evict` revokes the oldest session, `deny` ' +
      'rejects the sign-in with 403 `too_many_sessions`.',
  },
  locationDatabase: {
    variable: 'LOCATION_DATABASE',
    kind: text('a path', /./),
    description:
      'The path of a MaxMind DB file (`.mmdb`) with the country, and perhaps the city, of IP addresses. The list ' +
      'of sessions shows them. The file is read at start. If unset, locations are unknown.',
  },
  logoutScope: {
    variable: 'LOGOUT_SCOPE',
    kind: oneOf('session', 'others', 'all'),
    default: 'session',
    description: 'Which sessions a logout revokes if the request does not name a scope.',
  },
  revocationMaxStalenessSeconds: {
    variable: 'REVOCATION_MAX_STALENESS',
    kind: durationSeconds('2s', '10m'),
    default: '10s',
    description:
      'How long an instance still verifies tokens after it lost both Postgres and Redis, and so cannot see new ' +
      'revocations. Then `/auth/verify` answers 503.',
  },
  feedMaxFollowers: {
    variable: 'FEED_MAX_FOLLOWERS',
    kind: integer(1, 100_000),
    default: '5000',
    description:
      'How many connections each instance accepts at [`/auth/revocations`](feed.md). More are answered with 503. Each ' +
      'is an open file: the limit of the process (`ulimit -n`) must be higher.',
  },
} as const satisfies SettingTree
