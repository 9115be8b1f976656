import t from 'tap'
import { configWarnings, readConfig } from '../../src/config.js'
import { production, required } from './environments.js'

t.test('what is unwise is said and allowed', async t => {
  const warnings = (env: NodeJS.ProcessEnv) => configWarnings(readConfig({ ...required, ...env }))
  const { PUBLIC_ORIGIN: _, ...withoutOrigin } = production
  t.strictSame(warnings(production), [])
  t.strictSame(warnings({ RATE_LIMIT: 'off' }), [], 'in development')
  t.match(warnings(withoutOrigin), [/^PUBLIC_ORIGIN is on localhost/])
  t.match(warnings({ ...production, PUBLIC_ORIGIN: 'http://auth.example.com' }), [/^PUBLIC_ORIGIN is plain http/])
  t.match(warnings({ ...production, RATE_LIMIT: 'off' }), [/^RATE_LIMIT is off/])
  t.match(warnings({ ...production, SIGN_IN_FAILURE_DELAY: '0s' }), [/^SIGN_IN_FAILURE_DELAY is 0/])
  t.match(warnings({ ...production, TRUST_PROXY: '0.0.0.0/0' }), [/^TRUST_PROXY covers every address/])
  t.match(warnings({ TRUST_PROXY: '10.0.0.0/8,::/0' }), [/^TRUST_PROXY covers every address/])
})

t.test('a variable that looks like a misspelled setting is pointed out', async t => {
  const env = { ...required, JWT_EXPIRES: '5m', COOKIE_SAME_SITE: 'none', REDIS_PORT: 'tcp://x', JWT_ISSUER_FILE: '' }
  const warnings = configWarnings(readConfig(env), env)
  t.equal(warnings.length, 2)
  t.match(warnings, [/^JWT_EXPIRES is not a setting/, /^COOKIE_SAME_SITE is not a setting/])
})
