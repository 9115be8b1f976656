import t from 'tap'
import { everyAddress } from '../attacks/every-route.js'
import { buildTestApp } from '../support/build-test-app.js'
import { problemsOf, required } from './environments.js'

const problems = (env: NodeJS.ProcessEnv) => problemsOf({ ...required, DIALECTS: 'envelope', ...env })

t.test('ENVELOPE_PREFIX is a path, and a mistake in it is refused with how to correct it', async t => {
  for (const path of ['/api/v1/auth', '/api/auth', '/v1', '/authentication', '/api/tokens', '/a.b/_c/~d-1'])
    t.strictSame(problems({ ENVELOPE_PREFIX: path }), [], path)
  const cases: [path: string, fix: RegExp][] = [
    ['api/v1', /begins with a slash/],
    ['https://a.example/api', /begins with a slash/],
    ['/api/v1/', /without a slash at the end/],
    ['/', /without a slash at the end/],
    ['//api', /no segment is empty/],
    ['/api//v1', /no segment is empty/],
    ['/api/../auth', /begins with a dot/],
    ['/api/:id', /letters, digits/],
    ['/api/*', /letters, digits/],
    ['/api/v1?x', /letters, digits/],
    ['/api/%61', /letters, digits/],
    ['/api/é', /letters, digits/],
    [`/${'a'.repeat(128)}`, /at most 128/],
    ['/api', /other routes/],
    ['/api/token', /other routes/],
    ['/api/users/me', /other routes/],
    ['/auth/v1', /other routes/],
  ]
  for (const [path, fix] of cases) t.match(problems({ ENVELOPE_PREFIX: path }), [fix], path)
})

t.test('ENVELOPE_PREFIX cannot be at, above or below any route of the service', async t => {
  const { app } = await buildTestApp(t)
  await app.ready()
  const addresses = everyAddress(app).filter(({ url }) => url.length > 1 && !url.startsWith('*'))
  t.ok(addresses.length > 40)
  for (const { url } of addresses) {
    const segments = url.split('/').filter(segment => segment !== '')
    for (let count = 1; count <= segments.length; count++) {
      const path = `/${segments.slice(0, count).join('/')}`
      t.equal(problems({ ENVELOPE_PREFIX: path }).length, 1, path)
    }
    t.equal(problems({ ENVELOPE_PREFIX: `/${segments.join('/')}/more` }).length, 1, `${url} and below`)
  }
})

t.test('ENVELOPE_PREFIX cannot begin with PUBLIC_PATH, which comes before it', async t => {
  const below = { PUBLIC_PATH: '/api', ENVELOPE_PREFIX: '/api/v1/auth' }
  t.match(problems(below), [/^ENVELOPE_PREFIX begins with PUBLIC_PATH/])
  t.strictSame(problems({ ...below, DIALECTS: 'sessions' }), [], 'while it is not used')
  t.strictSame(problems({ PUBLIC_PATH: '/api', ENVELOPE_PREFIX: '/v1/auth' }), [])
  t.strictSame(problems({ PUBLIC_PATH: '/ap', ENVELOPE_PREFIX: '/api/v1/auth' }), [])
})

t.test('ENVELOPE_CASE and DIALECTS accept only the words that they know', async t => {
  t.match(problems({ ENVELOPE_CASE: 'kebab' }), [/must be snake or camel/])
  t.match(problems({ DIALECTS: 'envelopes' }), [/must be simple-jwt, sessions or envelope/])
  t.strictSame(problems({ DIALECTS: 'simple-jwt, sessions, envelope', ENVELOPE_CASE: 'camel' }), [])
})
