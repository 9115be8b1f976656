import t from 'tap'
import { readConfig } from '../../src/config/config.js'
import { configWarnings } from '../../src/config/warnings.js'
import { production, required } from './environments.js'

t.test('a risky setting is allowed, with a warning', async t => {
  const warnings = (env: NodeJS.ProcessEnv) => configWarnings(readConfig({ ...required, ...env }))
  const { PUBLIC_ORIGIN: _, ...withoutOrigin } = production
  t.strictSame(warnings(production), [])
  t.strictSame(warnings({ RATE_LIMIT: 'off' }), [], 'in development')
  t.match(warnings(withoutOrigin), [/^PUBLIC_ORIGIN is on localhost/])
  t.match(warnings({ ...production, PUBLIC_ORIGIN: 'http://auth.example.com' }), [/^PUBLIC_ORIGIN is plain http/])
  t.match(warnings({ ...production, RATE_LIMIT: 'off' }), [/^RATE_LIMIT is off/])
  t.match(warnings({ ...production, SIGN_IN_FAILURE_DELAY: '0s' }), [/^SIGN_IN_FAILURE_DELAY is 0/])
  t.match(warnings({ ...production, DEFAULT_TRANSPORT: 'body' }), [/^DEFAULT_TRANSPORT is body/])
  t.strictSame(warnings({ DEFAULT_TRANSPORT: 'body' }), [], 'in development')
  const unused = { ENVELOPE_PREFIX: '/api/auth' }
  const ofEnvelope = (env: NodeJS.ProcessEnv) => configWarnings(readConfig({ ...required, ...env }), env)
  t.match(ofEnvelope(unused), [/^ENVELOPE_PREFIX has no effect/])
  t.strictSame(ofEnvelope({ ...unused, DIALECTS: 'envelope' }), [])
  t.match(warnings({ ...production, TRUST_PROXY: '0.0.0.0/0' }), [/^TRUST_PROXY covers every address/])
  t.match(warnings({ TRUST_PROXY: '10.0.0.0/8,::/0' }), [/^TRUST_PROXY covers every address/])
})

t.test('a warning names cookies that browsers will not keep or send, and no others', async t => {
  const warnings = (env: NodeJS.ProcessEnv) => configWarnings(readConfig({ ...required, ...env }))
  const allowing = (CORS_ORIGINS: string, env: NodeJS.ProcessEnv = {}) =>
    warnings({ ...production, CORS_ORIGINS, ...env })

  for (const PUBLIC_ORIGIN of ['http://192.168.0.7:3000', 'http://auth.test']) {
    t.match(warnings({ PUBLIC_ORIGIN }), [/^PUBLIC_ORIGIN is plain http, .*use https, or set COOKIE_INSECURE=on/])
    t.strictSame(warnings({ PUBLIC_ORIGIN, COOKIE_INSECURE: 'on' }), [])
  }
  for (const PUBLIC_ORIGIN of ['http://localhost:1', 'http://a.localhost', 'http://127.0.0.1:1', 'http://[::1]:1'])
    t.strictSame(warnings({ PUBLIC_ORIGIN }), [], PUBLIC_ORIGIN)

  for (const origin of [
    'https://app.example.org',
    'https://example.net',
    'https://192.0.2.7',
    'capacitor://localhost',
  ]) {
    const lax = allowing(`https://app.example.com,${origin}`, { COOKIE_SAMESITE: 'lax' })
    t.match(lax, [`COOKIE_SAMESITE is lax, but CORS_ORIGINS contains ${origin}`])
    t.match(allowing(origin), [/^COOKIE_SAMESITE is strict, .* on another site, .*: set COOKIE_SAMESITE=none/])
    t.strictSame(allowing(origin, { COOKIE_SAMESITE: 'none' }), [])
  }
  t.strictSame(allowing('https://example.com,https://app.example.com:8443,https://a.b.example.com'), [])
  const uk = { PUBLIC_ORIGIN: 'https://auth.example.co.uk', CORS_ORIGINS: 'https://app.other.co.uk' }
  t.strictSame(warnings({ ...production, ...uk }), [], 'only browsers have the list of public suffixes')
  t.strictSame(warnings({ CORS_ORIGINS: 'http://localhost:5173' }), [])

  t.match(allowing('http://app.example.com'), [/^CORS_ORIGINS contains http:\/\/app\.example\.com, .*plain http/])
  t.strictSame(allowing('http://localhost', { COOKIE_SAMESITE: 'none' }), [], 'an app in a web view')
})

t.test('a warning names a variable that looks like a misspelled setting', async t => {
  const env = { ...required, JWT_EXPIRES: '5m', COOKIE_SAME_SITE: 'none', REDIS_PORT: 'tcp://x', JWT_ISSUER_FILE: '' }
  const warnings = configWarnings(readConfig(env), env)
  t.equal(warnings.length, 2)
  t.match(warnings, [/^JWT_EXPIRES is not a setting/, /^COOKIE_SAME_SITE is not a setting/])
})
