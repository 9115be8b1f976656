import { durationSeconds, integer, oneOf, secrets, text } from '../kinds.js'
import type { SettingTree } from '../setting.js'

const giveSecret = 'give at least 32 random bytes, as made by "openssl rand -base64 48"'
const name = text('one name or URL without spaces or commas', /^[^\s,]{1,255}$/)

export const tokenSettings = {
  jwtSecrets: {
    variable: 'JWT_SECRET',
    kind: secrets,
    secret: true,
    required: giveSecret,
    description: 'Seals the signing keys of access tokens in the database. Never the same as `JWT_REFRESH_SECRET`.',
  },
  refreshSecrets: {
    variable: 'JWT_REFRESH_SECRET',
    kind: secrets,
    secret: true,
    required: giveSecret,
    description:
      'Authenticates refresh tokens, derives the successor of each, and authenticates what instances read from Redis.',
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
      'The lifetime of a refresh token. Each rotation starts it anew, so it is how long a session may stay unused. ' +
      'Longer than `JWT_EXPIRES_IN` and `REFRESH_MIN_AGE`.',
  },
  sessionMaxAgeSeconds: {
    variable: 'SESSION_MAX_AGE',
    kind: durationSeconds('10s', '3650d'),
    default: '30d',
    description: 'When a session ends even if it is in use. At least `JWT_REFRESH_EXPIRES_IN`.',
  },
  sessionShortMaxAgeSeconds: {
    variable: 'SESSION_SHORT_MAX_AGE',
    kind: durationSeconds('10s', '3650d'),
    default: '12h',
    description:
      'When a session ends that was signed in to with `"remember": false`, even if it is in use. Never later than ' +
      '`SESSION_MAX_AGE`.',
  },
  refresh: {
    minAgeSeconds: {
      variable: 'REFRESH_MIN_AGE',
      kind: durationSeconds('0s', '10m'),
      default: '30s',
      description:
        'A refresh token younger than this is answered with itself and a new access token instead of being rotated. ' +
        'Longer than `REFRESH_LEEWAY`, or both `0s` for benchmarks.',
    },
    leewaySeconds: {
      variable: 'REFRESH_LEEWAY',
      kind: durationSeconds('0s', '5m'),
      default: '10s',
      description:
        'For how long after a rotation the previous refresh token still gets the same successor without question.',
    },
    settleSeconds: {
      variable: 'REFRESH_SETTLE',
      kind: durationSeconds('0s', '10m'),
      default: '60s',
      description:
        'Use of a new refresh token or its access tokens counts as proof that it arrived only after this time.',
    },
  },
  issuer: {
    variable: 'JWT_ISSUER',
    kind: name,
    defaultText: '`PUBLIC_ORIGIN` and `PUBLIC_PATH`',
    description: 'The `iss` of access tokens.',
  },
  audience: {
    variable: 'JWT_AUDIENCE',
    kind: name,
    defaultText: 'the same as `JWT_ISSUER`',
    description:
      'The `aud` of access tokens; verifiers insist on it. Never the issuer with `/clients` behind it, which is the `aud` ' +
      "of clients' own tokens.",
  },
  algorithm: {
    variable: 'JWT_ALGORITHM',
    kind: oneOf('ES256', 'EdDSA', 'RS256'),
    default: 'ES256',
    description:
      'What new signing keys are made for. Existing keys keep their algorithm until they retire. Libraries verify ES256 ' +
      'and RS256 everywhere; `EdDSA` is unknown to jsonwebtoken and what is built on it (passport-jwt, express-jwt, ' +
      'koa-jwt), to get-jwks and to python-jose.',
  },
  keyRotationIntervalSeconds: {
    variable: 'KEY_ROTATION_INTERVAL',
    kind: durationSeconds('1h', '3650d'),
    default: '90d',
    description: 'How long a signing key signs before the next one takes over.',
  },
  maxSessionsPerUser: {
    variable: 'MAX_SESSIONS_PER_USER',
    kind: integer(0, 10_000),
    default: '100',
    description: 'Sessions that one user may have at a time; `0` is no limit.',
  },
  maxSessionsPolicy: {
    variable: 'MAX_SESSIONS_POLICY',
    kind: oneOf('evict', 'deny'),
    default: 'evict',
    description:
      'What happens to a sign-in beyond `MAX_SESSIONS_PER_USER`: it ends the oldest session, or it is refused with 403 ' +
      '`too_many_sessions`.',
  },
  locationDatabase: {
    variable: 'LOCATION_DATABASE',
    kind: text('a path', /./),
    description:
      'The path of a MaxMind DB file (`.mmdb`) that tells the country and perhaps the city of an address, for the list ' +
      'of sessions. It is read at the start. Without it locations are unknown.',
  },
  logoutScope: {
    variable: 'LOGOUT_SCOPE',
    kind: oneOf('session', 'others', 'all'),
    default: 'session',
    description: 'Which sessions a logout ends if the request does not say.',
  },
  revocationMaxStalenessSeconds: {
    variable: 'REVOCATION_MAX_STALENESS',
    kind: durationSeconds('2s', '10m'),
    default: '10s',
    description:
      'For how long tokens are still verified after an instance has lost both Postgres and Redis, and with them sight ' +
      'of what is revoked. Then `/auth/verify` answers 503.',
  },
} as const satisfies SettingTree
