import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../src/config/config.js'
import { configWarnings } from '../../src/config/warnings.js'
import { problemsOf, production, refreshSecret, required, secret, stores } from './environments.js'

t.test('an invalid setting is rejected with its name and how to correct it', async t => {
  const cases: [name: string, value: string, fix: RegExp][] = [
    ['NODE_ENV', 'prod', /must be production, development or test; the value is "prod"/],
    ['HOST', 'http://localhost', /without scheme or port/],
    ['PORT', '65536', /a whole number from 0 to 65535; the value is "65536"/],
    ['PORT', '0x50', /a whole number/],
    ['PORT', '-1', /a whole number/],
    ['LOG_LEVEL', 'verbose', /must be fatal, error, warn/],
    ['DATABASE_POOL_SIZE', '0', /from 1 to 200/],
    ['DATABASE_PREPARE', 'no', /must be on or off/],
    ['DATABASE_TIMEOUT', '0s', /from 100ms to 60s/],
    ['JWT_EXPIRES_IN', '900', /needs a unit: write 900s for seconds or 900m for minutes/],
    ['JWT_EXPIRES_IN', '3h', /a duration from 10s to 2h/],
    ['JWT_EXPIRES_IN', '0', /a duration from 10s to 2h/],
    ['JWT_EXPIRES_IN', '1.5h', /a whole number with one unit/],
    ['JWT_EXPIRES_IN', '1h30m', /a whole number with one unit/],
    ['JWT_EXPIRES_IN', '15 minutes', /such as 500ms, 15m or 7d/],
    ['JWT_EXPIRES_IN', '1e999s', /a whole number with one unit/],
    ['JWT_EXPIRES_IN', '10500ms', /whole seconds/],
    ['JWT_ISSUER', 'a, b', /without spaces or commas/],
    ['JWT_ALGORITHM', 'HS256', /must be ES256, EdDSA or RS256/],
    ['JWT_ALGORITHM', 'es256', /must be ES256, EdDSA or RS256/],
    ['REDIS_KEY_PREFIX', '{lk}', /letters, digits/],
    ['COOKIE_SAMESITE', 'Strict', /must be strict, lax or none/],
    ['COOKIE_DOMAIN', '.example.com', /without scheme, port, path or leading dot/],
    ['COOKIE_PATH', 'auth; Secure', /begins with \//],
    ['LOGOUT_SCOPE', 'everything', /session, others or all/],
    ['JWT_CLAIMS_NAMESPACE', 'roles', /must not be a claim with a meaning of its own/],
    ['JWT_CLAIMS_NAMESPACE', 'my claims', /must be a name such as ext, or a URL/],
    ['JWT_CLAIMS_NAMESPACE', 'https://', /must be a name such as ext, or a URL/],
    ['EVENT_RETENTION_BY_TYPE', 'signed_in', /entry 1, must be a type of event, = and a duration/],
    ['EVENT_RETENTION_BY_TYPE', 'signed_in=1h', /entry 1, must be a duration from 1d to 3650d/],
    ['EVENT_RETENTION_BY_TYPE', 'signed_in=2d,signed_in=3d', /contains the same type twice/],
    ['REGISTRATION_HOOK_URL', 'example.com/hook', /must be a URL that begins with https/],
    ['REGISTRATION_HOOK_URL', 'https://a:b@example.com', /must not contain a user name or a password/],
    ['REGISTRATION_HOOK_SECRET', 'whsec_c2hvcnQ=', /entry 1, must be whsec_ and 24 to 64 bytes in base64/],
    ['REGISTRATION_HOOK_TIMEOUT', '1m', /from 100ms to 10s/],
    ['REGISTRATION', 'off', /must be open, verified or closed/],
    ['SMTP_URL', 'mail.example.com', /must be an address such as smtps:/],
    ['SMTP_URL', 'smtp://user@mail.example.com', /must have both a user and a password/],
    ['SMTP_URL', 'smtp://mail.example.com?pool=true', /must end after the host and the port/],
    ['MAIL_FROM', 'Example', /must be an address such as Example <no-reply@example.com>/],
    ['MAIL_FROM', 'Example <a@example.com>, b@example.com', /must be an address such as/],
    ['MAIL_TEMPLATES', '/no/such/folder', /must be the path of a folder; it cannot be read \(ENOENT\)/],
    ['ACCOUNT_URL', 'https://example.com/#account', /without anything after a #/],
    ['PASSWORD_MIN_LENGTH', '6', /from 8 to 64/],
    ['PUBLIC_ORIGIN', 'https://auth.example.com/', /write https:\/\/auth\.example\.com; the value is/],
    [
      'PUBLIC_ORIGIN',
      'https://auth.example.com/auth',
      /write https:\/\/auth\.example\.com, and set PUBLIC_PATH=\/auth;/,
    ],
    ['PUBLIC_PATH', 'identity', /a path such as \/identity, which begins with a slash; the value is "identity"/],
    ['PUBLIC_PATH', 'https://example.com/identity', /without an origin: set that in PUBLIC_ORIGIN/],
    ['PUBLIC_PATH', '//identity', /two consecutive slashes/],
    ['PUBLIC_PATH', '/a//b', /two consecutive slashes/],
    ['PUBLIC_PATH', '//', /two consecutive slashes/],
    ['PUBLIC_PATH', '/a/../b', /must not contain \. or \.\./],
    ['PUBLIC_PATH', '/./b', /must not contain \. or \.\./],
    ['PUBLIC_PATH', '/identity?a=b', /without spaces, percent signs or a query/],
    ['PUBLIC_PATH', '/identity#a', /letters, digits/],
    ['PUBLIC_PATH', '/my identity', /without spaces/],
    ['PUBLIC_PATH', '/a%2fb', /without spaces, percent signs/],
    ['PUBLIC_PATH', '/:id', /letters, digits/],
    ['PUBLIC_PATH', '/*', /letters, digits/],
    ['PUBLIC_PATH', `/${'a'.repeat(128)}`, /at most 128/],
    ['PUBLIC_PATH', '/auth/verify', /must not begin with \/auth\/verify/],
    ['PUBLIC_PATH', '/auth/verify-role/editor/', /must not begin with \/auth\/verify/],
    ['PUBLIC_ORIGIN', 'https://AUTH.example.com:443', /write https:\/\/auth\.example\.com;/],
    ['PUBLIC_ORIGIN', 'auth.example.com', /as https:\/\/app\.example\.com/],
    ['PUBLIC_ORIGIN', 'capacitor://localhost', /must begin with https:\/\/ or http:\/\//],
    ['TRUST_PROXY', '10.0.0.0/33', /as 10\.0\.0\.0\/8/],
    ['TRUST_PROXY', '10/8', /must be a CIDR/],
    ['TRUST_PROXY', '127.1', /must be a CIDR/],
    ['TRUST_PROXY', 'fe80::1%eth0', /must be a CIDR/],
    ['TRUST_PROXY', 'constructor', /must be a CIDR/],
    ['DATABASE_CA_FILE', '/nonexistent/ca.pem', /PEM file; the file cannot be read \(ENOENT\)/],
  ]
  for (const [name, value, fix] of cases) {
    const problems = problemsOf({ ...required, ...stores, [name]: value })
    t.equal(problems.length, 1, `${name}=${value}: ${problems.join(' ')}`)
    t.ok(problems[0]?.startsWith(name), `names ${name}`)
    t.match(problems[0], fix)
  }
})

t.test('the error about a list setting names the invalid entry', async t => {
  const ofOrigins = (CORS_ORIGINS: string) => problemsOf({ ...required, CORS_ORIGINS })
  t.match(ofOrigins('https://a.example,null'), [
    /^CORS_ORIGINS, entry 2, must be a complete origin.*; the value is "null"\.$/,
  ])
  t.match(ofOrigins('*'), [/^CORS_ORIGINS, entry 1, must contain complete origins only/])
  t.match(ofOrigins('https://*.example.com'), [/^CORS_ORIGINS, entry 1, must contain complete origins only/])
  t.match(ofOrigins('https://a.example,'), [/^CORS_ORIGINS, entry 2, is empty: remove the extra comma\.$/])
  t.match(problemsOf({ ...required, TRUST_PROXY: '10.0.0.0/8,1' }), [
    /^TRUST_PROXY, entry 2, .*10\.0\.0\.0\/8 .*number/,
  ])
  t.match(problemsOf({ ...required, TRUST_PROXY: 'true' }), [/^TRUST_PROXY, entry 1, .*a client could choose/])
  for (const all of ['true', '1']) {
    const [problem = '', ...others] = problemsOf({ ...required, DELIVERY_ALLOWED_NETWORKS: all })
    t.match(problem, /^DELIVERY_ALLOWED_NETWORKS, entry 1, .*must be a CIDR such as/)
    t.notMatch(problem, 'prox')
    t.same(others, [])
  }
})

t.test('a CA file without a certificate is rejected', async t => {
  const dir = t.testdir({
    'ca.pem': '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n',
    'key.pem': 'key',
  })
  const withFile = (name: string) => ({ ...production, REDIS_CA_FILE: join(dir, name) })
  t.equal(readConfig(withFile('ca.pem')).redis.caFile, join(dir, 'ca.pem'))
  t.match(problemsOf(withFile('key.pem')), [/^REDIS_CA_FILE must be the path of a PEM file; .*BEGIN CERTIFICATE/])
})

t.test('an invalid store address is rejected with how to correct it, and is never shown', async t => {
  const cases: [name: string, value: string, fix: RegExp][] = [
    ['DATABASE_URL', 'mysql://u:canary@db/x', /such as postgres:\/\/user:password@host:5432/],
    ['DATABASE_URL', 'postgres://u:can/ary@db/x', /percent-encoded/],
    ['DATABASE_URL', 'postgres://u:canary%@db/x', /percent-encoded/],
    ['DATABASE_URL', 'postgres://u:canary@db:99999/x', /not a valid address/],
    ['DATABASE_URL', 'postgres://u:canary@/x', /must contain a host/],
    ['REDIS_URL', 'redis:///canary', /must contain a host/],
    ['DATABASE_URL', 'postgres:///canary', /must contain a host/],
    ['DATABASE_MIGRATION_URL', 'canary', /such as postgres/],
    ['REDIS_URL', 'http://u:canary@redis', /such as redis:\/\//],
    ['REDIS_URL', 'rediss://:can#ary@redis', /percent-encoded/],
    ['JWT_ISSUER', 'postgres://u:canary@db, x', /without spaces/],
  ]
  for (const [name, value, fix] of cases) {
    const problems = problemsOf({ ...production, [name]: value })
    t.equal(problems.length, 1, `${name}=${value}`)
    t.ok(problems[0]?.startsWith(name), `names ${name}`)
    t.match(problems[0], fix)
    t.notMatch(problems[0], /canary|can\/ary|can#ary/)
  }
})

t.test('an address of another system is the only problem that is reported if nothing else is wrong', async t => {
  for (const [DATABASE_URL, description] of [
    ['file:./canary.db', 'has the scheme file:, as for SQLite'],
    ['FILE:canary.db', 'has the scheme file:, as for SQLite'],
    ['sqlite:///canary.db', 'has the scheme sqlite:, as for SQLite'],
    ['mysql://u:canary@db/x', 'has the scheme mysql:, as for MySQL'],
    ['mongodb+srv://u:canary@db/x', 'has the scheme mongodb+srv:, as for MongoDB'],
    ['sqlserver://db;password=canary', 'has the scheme sqlserver:, as for SQL Server'],
    ['prisma://accelerate.prisma-data.net/?api_key=canary', 'has the scheme prisma:, as for Prisma Accelerate'],
    ['jdbc:mysql://db/canary', 'has the scheme jdbc:, as for Java'],
    ['redis://:canary@redis:6379', 'has the scheme redis:, as for Redis'],
    ['couchbase://u:canary@db', 'has the scheme couchbase:'],
    ['"file:./canary.db"', 'has the scheme file:, as for SQLite'],
  ] as const) {
    const problems = problemsOf({ DATABASE_URL })
    t.strictSame(problems, [
      `DATABASE_URL ${description}, but Latchkey keeps its data in Postgres: set it to the address of your Postgres, such ` +
        'as postgres://user:password@host:5432/latchkey, or unset it: then Latchkey starts its own Postgres and needs no ' +
        'Redis (the embedded mode).',
    ])
  }
  t.match(problemsOf({ REDIS_URL: 'memcached://u:canary@cache' }), [
    /^REDIS_URL has the scheme memcached:, as for Memcached, but Latchkey uses Redis: set it to .* or unset it: then/,
  ])
  t.match(problemsOf({ DATABASE_URL: 'file:a', REDIS_URL: 'https://canary.upstash.io' }), [
    /^DATABASE_URL .* or unset it and REDIS_URL: then/,
    /^REDIS_URL has the scheme https:, .* or unset it and DATABASE_URL: then/,
  ])
})

t.test('an address of another system does not hide other mistakes', async t => {
  const DATABASE_URL = 'file:./dev.db'
  t.match(problemsOf({ DATABASE_URL, JWT_SECRET: 'short', JWT_EXPIRES_IN: '900' }), [
    /^DATABASE_URL/,
    /^JWT_SECRET, entry 1, must be at least 32 bytes/,
    /^JWT_EXPIRES_IN needs a unit/,
  ])
  t.match(problemsOf({ ...required, ...stores, DATABASE_URL }), [/^DATABASE_URL .* or unset it and REDIS_URL: then/])
  const inProduction = problemsOf({ DATABASE_URL, NODE_ENV: 'production' })
  t.match(inProduction, [
    /^DATABASE_URL .* or start with --embedded/,
    /^REDIS_URL is not/,
    /^JWT_SECRET/,
    /^JWT_REFRESH/,
  ])
  t.equal(inProduction.length, 4)
  t.match(problemsOf({ ...production, DATABASE_MIGRATION_URL: 'mysql://u:canary@db/x' }), [
    /^DATABASE_MIGRATION_URL has the scheme mysql:, as for MySQL: set it to the address of your Postgres/,
  ])
})

t.test('an address in the spelling of another library is told how it is written here', async t => {
  const cases: [name: string, value: string, fix: RegExp][] = [
    ['DATABASE_URL', 'jdbc:postgresql://db:5432/canary', /^DATABASE_URL begins with jdbc:, .*write postgres:/],
    ['DATABASE_URL', 'postgresql+asyncpg://u:canary@db/x', /^DATABASE_URL names a driver .*write postgres:/],
    ['DATABASE_URL', 'postgis://u:canary@db/x', /^DATABASE_URL has a scheme of another library: write postgres:/],
    ['REDIS_URL', 'valkey://:canary@redis', /^REDIS_URL has a scheme of another library: write redis:/],
    ['REDIS_URL', 'redis+ssl://:canary@redis', /^REDIS_URL has a scheme of another library: write rediss:/],
    ['REDIS_URL', 'redis:6379', /^REDIS_URL must be the address of your Redis, such as redis:/],
    ['DATABASE_URL', 'canary:canary@db/x', /^DATABASE_URL must be the address of your Postgres/],
  ]
  for (const [name, value, fix] of cases) {
    const problems = problemsOf({ ...production, [name]: value })
    t.match(problems, [fix], value)
    t.equal(problems.length, 1, value)
    t.notMatch(problems[0], /canary/)
  }
})

t.test('values in quotation marks are one problem that names their variables', async t => {
  const inQuotes = (env: object) => Object.fromEntries(Object.entries(env).map(([name, value]) => [name, `"${value}"`]))
  t.strictSame(problemsOf({ ...required, ...inQuotes(stores) }), [
    'DATABASE_URL and REDIS_URL are in quotation marks, which are a part of the value here: remove them (docker run ' +
      '--env-file keeps them).',
  ])
  t.match(problemsOf({ ...production, ...inQuotes({ NODE_ENV: 'production', PORT: '3000', ...required }) }), [
    /^NODE_ENV, PORT, JWT_SECRET and JWT_REFRESH_SECRET are in quotation marks/,
  ])
  t.match(problemsOf({ NODE_ENV: "'test'", ...required }), [/^NODE_ENV is in quotation marks/])
  const problems = problemsOf({ ...production, JWT_EXPIRES_IN: '"900"', PORT: 'x' })
  t.match(problems, [/^JWT_EXPIRES_IN is in quotation marks/, /^PORT must be/])
  t.equal(problems.length, 2)
})

t.test('a secret that is valid with quotation marks may be in use, so it is only a warning', async t => {
  const env = { ...production, JWT_SECRET: `"${secret}"` }
  t.strictSame(problemsOf(env), [])
  t.match(configWarnings(readConfig(env), env), [/^JWT_SECRET is in quotation marks.*every instance must have them/])
})

t.test('a weak secret is rejected with how to correct it, and is never shown', async t => {
  const strong = (count: number) => Array.from({ length: count }, (_, i) => `${secret}${i}`).join(',')
  const cases: [name: string, value: string, fix: RegExp][] = [
    ['JWT_SECRET', 'canary', /entry 1, must be at least 32 bytes: create one with "openssl rand -base64 48"/],
    ['JWT_SECRET', `${secret},canary`, /entry 2, must be at least 32 bytes/],
    ['JWT_SECRET', 'x'.repeat(64), /must not repeat a single character/],
    ['JWT_SECRET', `${secret},`, /entry 2, is empty/],
    ['JWT_SECRET', `${secret},${secret}`, /the same secret twice: remove one/],
    ['JWT_SECRET', strong(5), /at most 4 secrets.*remove the oldest/],
    ['JWT_REFRESH_SECRET', 'canary', /entry 1, must be at least 32 bytes/],
    ['JWT_REFRESH_SECRET', `${refreshSecret},${secret}`, /contain the same secret: create one for each/],
    ['JWT_SECRET', '', /is not set: set it to at least 32 random bytes/],
  ]
  for (const [name, value, fix] of cases) {
    const problems = problemsOf({ ...required, [name]: value })
    t.equal(problems.length, 1, problems.join(' '))
    t.ok(problems[0]?.includes(name), `names ${name}`)
    t.match(problems[0], fix)
    t.notMatch(problems[0], /canary|xxx/)
  }
  t.equal(readConfig({ ...required, JWT_SECRET: strong(4) }).jwtSecrets.length, 4)
  t.ok(readConfig({ ...required, JWT_SECRET: 'é'.repeat(8) + 'ü'.repeat(8) }), 'bytes count, not characters')
})
