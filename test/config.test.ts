import t from 'tap'
import { type Config, type ConfigError, readConfig } from '../src/config/config.js'
import { problemsOf, production, refreshSecret, required, secret, stores } from './config/environments.js'

t.test('two secrets are the only settings that development requires', async t => {
  const config = readConfig(required)
  t.match(config, {
    nodeEnv: 'development',
    mode: 'embedded',
    host: '127.0.0.1',
    port: 3000,
    logLevel: 'info',
    dataDir: '.latchkey',
    database: {
      url: undefined,
      migrationUrl: undefined,
      poolSize: 10,
      prepare: true,
      timeoutMs: 5000,
      migrateOnStart: true,
    },
    redis: { url: undefined, keyPrefix: 'lk1' },
    jwtSecrets: [secret],
    refreshSecrets: [refreshSecret],
    issuer: 'http://localhost:3000',
    audience: 'http://localhost:3000',
    algorithm: 'ES256',
    accessTokenTtlSeconds: 900,
    keyRotationIntervalSeconds: 90 * 86_400,
    refreshTokenTtlSeconds: 7 * 86_400,
    sessionMaxAgeSeconds: 30 * 86_400,
    sessionShortMaxAgeSeconds: 12 * 3600,
    maxSessionsPerUser: 100,
    maxSessionsPolicy: 'evict',
    locationDatabase: undefined,
    refresh: { minAgeSeconds: 30, leewaySeconds: 10, settleSeconds: 60 },
    logoutScope: 'session',
    registration: 'open',
    publicOrigin: 'http://localhost:3000',
    publicPath: '',
    publicUrl: 'http://localhost:3000',
    passwordMinLength: 8,
    hash: { queue: 64 },
    rateLimit: { enabled: true, perAddressPerMinute: 300, failuresPerAccountPerMinute: 30 },
    signInFailureDelayMs: 500,
    shutdownDelayMs: 1000,
  })
  t.strictSame(config.corsOrigins, [])
  t.strictSame(config.trustProxy, [])
  t.ok(config.hash.concurrency >= 1)
})

t.test('a default that depends on another setting follows it', async t => {
  t.equal(readConfig({ ...required, PORT: '80' }).publicOrigin, 'http://localhost')
  t.match(readConfig({ ...required, PORT: '8080' }), {
    issuer: 'http://localhost:8080',
    audience: 'http://localhost:8080',
  })
  t.match(readConfig({ ...production, PUBLIC_PATH: '/identity/' }), {
    publicOrigin: 'https://auth.example.com',
    publicPath: '/identity',
    issuer: 'https://auth.example.com/identity',
    audience: 'https://auth.example.com/identity',
    cookie: { name: '__Host-latchkey', path: '/' },
  })
  t.match(readConfig({ ...required, JWT_ISSUER: 'me' }), { issuer: 'me', audience: 'me' })
  t.match(readConfig(production), { host: '0.0.0.0', issuer: 'https://auth.example.com', mode: 'external' })
  t.equal(readConfig(production).database.migrationUrl, stores.DATABASE_URL)
  t.equal(readConfig({ ...production, KUBERNETES_SERVICE_HOST: '10.0.0.1' }).shutdownDelayMs, 5000)
  const immediate = { ...production, KUBERNETES_SERVICE_HOST: '10.0.0.1', SHUTDOWN_DELAY: '0s' }
  t.equal(readConfig(immediate).shutdownDelayMs, 0)
})

t.test('each kind of value is read into its type', async t => {
  const env = {
    ...required,
    ...stores,
    PORT: '0',
    DATABASE_PREPARE: 'false',
    MIGRATE_ON_START: 'off',
    ACCESS_COOKIE: 'on',
    RATE_LIMIT: 'true',
    DATABASE_TIMEOUT: '500ms',
    JWT_EXPIRES_IN: '2h',
    SESSION_MAX_AGE: '400d',
    REFRESH_MIN_AGE: '0',
    REFRESH_LEEWAY: '0s',
    JWT_ALGORITHM: 'EdDSA',
    CORS_ORIGINS: 'https://app.example.com, http://localhost:5173,capacitor://localhost',
    TRUST_PROXY: '10.0.0.0/8,192.0.2.7,2001:db8::/32,::1,linklocal',
    JWT_SECRET: `${secret}-new, ${secret}`,
  }
  t.match(readConfig(env), {
    port: 0,
    database: { prepare: false, migrateOnStart: false, timeoutMs: 500 },
    cookie: { access: true },
    rateLimit: { enabled: true },
    accessTokenTtlSeconds: 7200,
    sessionMaxAgeSeconds: 400 * 86_400,
    refresh: { minAgeSeconds: 0, leewaySeconds: 0 },
    algorithm: 'EdDSA',
    corsOrigins: ['https://app.example.com', 'http://localhost:5173', 'capacitor://localhost'],
    trustProxy: ['10.0.0.0/8', '192.0.2.7/32', '2001:db8::/32', '::1/128', '169.254.0.0/16', 'fe80::/10'],
    jwtSecrets: [`${secret}-new`, secret],
  })
})

t.test('DATABASE_URL and REDIS_URL accept the URLs that the drivers accept', async t => {
  for (const DATABASE_URL of [
    'postgresql://db/latchkey',
    'postgres://u:p%23%2F@db:5433/latchkey?sslmode=require',
    'postgres://u:p@[::1]:5432/latchkey',
    'postgres://u:p@db1:5432,db2:5433/latchkey?target_session_attrs=primary',
  ]) {
    t.equal(readConfig({ ...production, DATABASE_URL }).database.url, DATABASE_URL)
  }
  const REDIS_URL = 'rediss://:pass@redis.example.com:6380/0'
  t.equal(readConfig({ ...production, REDIS_URL }).redis.url, REDIS_URL)
  t.match(readConfig({ ...production, REDIS_URL, REDIS_CLUSTER: 'on' }).redis, { url: REDIS_URL, cluster: true })
})

t.test('REDIS_URL names the Sentinels, and REDIS_SENTINEL_MASTER their master', async t => {
  const REDIS_URL = 'redis://:pass@one,two:26380,[::1]/1'
  const env = { ...production, REDIS_URL, REDIS_SENTINEL_MASTER: 'main' }
  const bare = { master: 'main', username: undefined, password: undefined, tls: undefined }
  t.match(readConfig(env).redis, { url: REDIS_URL, cluster: false, sentinel: bare })
  const more = { REDIS_SENTINEL_USERNAME: 'latchkey', REDIS_SENTINEL_PASSWORD: 'p@ss', REDIS_SENTINEL_TLS: 'on' }
  const sentinel = { master: 'main', username: 'latchkey', password: 'p@ss', tls: true }
  t.match(readConfig({ ...env, ...more }).redis, { sentinel })
  t.equal(readConfig(production).redis.sentinel, undefined)
  t.equal(readConfig({ ...env, ...more }, { embedded: true }).redis.sentinel, undefined)
})

t.test('settings that contradict each other are reported', async t => {
  const cases: [env: NodeJS.ProcessEnv, problem: RegExp][] = [
    [{ SESSION_MAX_AGE: '6d' }, /^SESSION_MAX_AGE must be at least JWT_REFRESH_EXPIRES_IN/],
    [{ JWT_REFRESH_EXPIRES_IN: '15m' }, /^JWT_REFRESH_EXPIRES_IN must be longer than JWT_EXPIRES_IN/],
    [
      { JWT_EXPIRES_IN: '10s', JWT_REFRESH_EXPIRES_IN: '30s' },
      /^JWT_REFRESH_EXPIRES_IN must be longer than REFRESH_MIN_AGE/,
    ],
    [{ REFRESH_MIN_AGE: '10s' }, /^REFRESH_MIN_AGE must be longer than REFRESH_LEEWAY, or both must be 0s/],
    [{ REFRESH_MIN_AGE: '0s' }, /^REFRESH_MIN_AGE must be longer than REFRESH_LEEWAY/],
    [{ ...production, REDIS_CLUSTER: 'on', REDIS_URL: 'redis://redis/1' }, /^REDIS_URL contains a database number/],
    [
      { ...production, REDIS_CLUSTER: 'on', REDIS_SENTINEL_MASTER: 'main' },
      /^REDIS_SENTINEL_MASTER and REDIS_CLUSTER are both set.*: unset one/,
    ],
    [
      { ...production, REDIS_URL: 'unix:///run/redis.sock', REDIS_SENTINEL_MASTER: 'main' },
      /^REDIS_URL is the address of a socket, but Sentinels have hosts/,
    ],
    [
      { ...production, REDIS_SENTINEL_PASSWORD: 'canary' },
      /^REDIS_SENTINEL_PASSWORD is set without REDIS_SENTINEL_MASTER: set both, [^y]*$/,
    ],
    [{ ...production, REDIS_SENTINEL_TLS: 'off' }, /^REDIS_SENTINEL_TLS is set without REDIS_SENTINEL_MASTER/],
    [
      { ...production, REDIS_SENTINEL_MASTER: 'main', REDIS_SENTINEL_USERNAME: 'u' },
      /^REDIS_SENTINEL_USERNAME is set without REDIS_SENTINEL_PASSWORD/,
    ],
    [{ ...production, REDIS_SENTINEL_MASTER: 'my master' }, /^REDIS_SENTINEL_MASTER must be a name without spaces/],
    [{ ...production, COOKIE_INSECURE: 'on' }, /^COOKIE_INSECURE is not allowed in production/],
    [
      { COOKIE_INSECURE: 'on', COOKIE_SAMESITE: 'none', CORS_ORIGINS: 'https://app.example.org' },
      /^COOKIE_SAMESITE=none needs secure cookies/,
    ],
    [{ REGISTRATION_HOOK_URL: 'https://example.com/hook' }, /^REGISTRATION_HOOK_URL needs REGISTRATION_HOOK_SECRET/],
    [
      { COOKIE_SAMESITE: 'none' },
      /^COOKIE_SAMESITE=none is for pages on another site.*: list .* in CORS_ORIGINS, or set/,
    ],
    [
      { ...production, COOKIE_SAMESITE: 'none', CORS_ORIGINS: 'https://auth.example.com' },
      /^COOKIE_SAMESITE=none is for pages on another site/,
    ],
    [{ ...production, COOKIE_DOMAIN: 'com' }, /^COOKIE_DOMAIN must be the host of PUBLIC_ORIGIN or a parent/],
    [
      { PUBLIC_ORIGIN: 'https://192.0.2.7', COOKIE_DOMAIN: '0.2.7' },
      /^COOKIE_DOMAIN must be the host of PUBLIC_ORIGIN/,
    ],
    [{ JWT_ISSUER: 'me', JWT_AUDIENCE: 'me/clients' }, /^JWT_AUDIENCE is the audience of clients' own tokens/],
    [
      { ...production, JWT_AUDIENCE: 'https://auth.example.com/clients' },
      /^JWT_AUDIENCE is the audience of clients' own/,
    ],
    [{ PORT: '4599', JWT_AUDIENCE: 'http://localhost:4599/clients' }, /^JWT_AUDIENCE is the audience of clients' own/],
    [
      { ...production, PUBLIC_PATH: '/id', JWT_AUDIENCE: 'https://auth.example.com/id/clients' },
      /^JWT_AUDIENCE is the audience of clients' own/,
    ],
    [
      { PUBLIC_PATH: '/identity', COOKIE_PATH: '/auth' },
      /^COOKIE_PATH is outside PUBLIC_PATH.*begin it with PUBLIC_PATH/,
    ],
    [{ PUBLIC_PATH: '/identity', COOKIE_PATH: '/identity2' }, /^COOKIE_PATH is outside PUBLIC_PATH/],
    [{ ...production, COOKIE_DOMAIN: 'ample.com' }, /^COOKIE_DOMAIN must be the host of PUBLIC_ORIGIN or a parent/],
  ]
  for (const [env, problem] of cases) t.match(problemsOf({ ...required, ...env }), [problem])
  t.ok(readConfig({ ...required, SESSION_MAX_AGE: '7d', REFRESH_MIN_AGE: '11s' }))
  for (const COOKIE_PATH of ['/', '/api', '/api/', '/api/identity', '/api/identity/auth'])
    t.equal(readConfig({ ...required, PUBLIC_PATH: '/api/identity', COOKIE_PATH }).cookie.path, COOKIE_PATH)
})

t.test('an invalid setting is reported without the rules that compare it with other settings', async t => {
  t.match(problemsOf({ ...required, SESSION_MAX_AGE: '1d', JWT_REFRESH_EXPIRES_IN: '60' }), [
    /^JWT_REFRESH_EXPIRES_IN needs/,
  ])
})

t.test('all invalid settings are reported in one error', async t => {
  const env = {
    ...stores,
    PORT: 'x',
    JWT_EXPIRES_IN: '5',
    CORS_ORIGINS: '*',
    SESSION_MAX_AGE: '1d',
    JWT_SECRET: secret,
  }
  try {
    readConfig(env)
    t.fail('it must throw')
  } catch (error) {
    const { problems, message } = error as ConfigError
    t.match(problems, [
      /^PORT/,
      /^JWT_REFRESH_SECRET is not set/,
      /^JWT_EXPIRES_IN/,
      /^CORS_ORIGINS/,
      /^SESSION_MAX_AGE/,
    ])
    t.equal(problems.length, 5)
    t.match(message, /5 errors/)
    for (const problem of problems) t.ok(message.includes(problem))
    t.notMatch(message, /canary|p@db/)
  }
})

t.test('production reports its four missing settings in one error', async t => {
  const problems = problemsOf({ NODE_ENV: 'production' })
  t.equal(problems.length, 4)
  t.match(problems, [/^DATABASE_URL/, /^REDIS_URL/, /^JWT_SECRET/, /^JWT_REFRESH_SECRET/])
})

t.test('--embedded ignores DATABASE_URL and REDIS_URL, even invalid ones', async t => {
  const env = {
    ...required,
    DATABASE_URL: 'file:./dev.db',
    DATABASE_CA_FILE: '/nonexistent',
    REDIS_URL: 'redis://redis',
  }
  const config = readConfig(env, { embedded: true })
  t.equal(config.mode, 'embedded')
  t.strictSame([config.database.url, config.database.migrationUrl, config.redis.url], [undefined, undefined, undefined])
})

t.test('cookie names have the strictest prefix that browsers accept for their attributes', async t => {
  const cookie = (env: NodeJS.ProcessEnv) => readConfig({ ...required, ...env }).cookie
  const hostOnly = { domain: undefined, path: '/', sameSite: 'strict', secure: true, access: false }
  t.strictSame(cookie({}), {
    ...hostOnly,
    name: '__Host-latchkey',
    accessName: '__Host-latchkey-at',
    deviceName: '__Host-latchkey-device',
    ticketName: '__Host-latchkey-ticket',
  })
  const secure = {
    name: '__Secure-latchkey',
    accessName: '__Secure-latchkey-at',
    deviceName: '__Secure-latchkey-device',
    secure: true,
  }
  t.match(cookie({ COOKIE_PATH: '/auth' }), { ...secure, path: '/auth' })
  t.match(cookie({ COOKIE_NAME: 'staging' }), {
    name: '__Host-staging',
    accessName: '__Host-staging-at',
    deviceName: '__Host-staging-device',
  })
  t.match(cookie({ ...production, COOKIE_DOMAIN: 'example.com' }), { ...secure, domain: 'example.com' })
  for (const [PUBLIC_ORIGIN, domain] of [
    ['http://localhost:3000', 'localhost'],
    ['https://192.0.2.7', '192.0.2.7'],
    ['https://auth.example.co.uk', 'example.co.uk'],
  ] as const)
    t.match(cookie({ PUBLIC_ORIGIN, COOKIE_DOMAIN: domain }), { ...secure, domain })
  t.match(cookie({ COOKIE_INSECURE: 'on' }), { name: 'latchkey', accessName: 'latchkey-at', secure: false })
  t.match(cookie({ COOKIE_INSECURE: 'on', COOKIE_PATH: '/auth' }), { name: 'latchkey', secure: false })
  t.match(cookie({ COOKIE_SAMESITE: 'none', CORS_ORIGINS: 'https://a.example' }), {
    name: '__Host-latchkey',
    sameSite: 'none',
    secure: true,
  })
})

t.test('the configuration is deeply frozen', async t => {
  const config: Config = readConfig({ ...production, CORS_ORIGINS: 'https://a.example', TRUST_PROXY: 'loopback' })
  const check = (value: object, path: string) => {
    t.ok(Object.isFrozen(value), path)
    for (const [key, part] of Object.entries(value)) {
      if (typeof part === 'object' && part !== null) check(part, `${path}.${key}`)
    }
  }
  check(config, 'config')
})
