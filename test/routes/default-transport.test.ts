import t, { type Test } from 'tap'
import { issuePasswordReset } from '../../src/domain/passwords/password-reset.js'
import { buildTestApp } from '../support/build-test-app.js'
import { PASSWORD, post } from '../support/people.js'

const email = 'ada@example.com'

/** Every route that opens a session, in an order in which each succeeds. */
async function everyAnswer(t: Test, env: NodeJS.ProcessEnv, transport?: 'cookie' | 'body') {
  const { app } = await buildTestApp(t, env)
  const send = (url: string, body: object) => post(app, url, { ...body, ...(transport && { transport }) })
  const passwords = { current_password: PASSWORD, new_password: `${PASSWORD} 2` }
  const register = await send('/auth/register', { email, password: PASSWORD })
  const login = await send('/auth/login', { email, password: PASSWORD })
  const change = await send('/auth/change-password', { email, ...passwords })
  const { token } = await issuePasswordReset(app.context, email, 'test')
  const reset = await send('/auth/reset-password', { token, new_password: PASSWORD })
  return { app, answers: { register, login, change, reset } }
}

t.test('DEFAULT_TRANSPORT decides where the refresh token goes if a request does not say it', async t => {
  const cases: [env: NodeJS.ProcessEnv, transport: 'cookie' | 'body' | undefined, inBody: boolean][] = [
    [{}, undefined, false],
    [{ DEFAULT_TRANSPORT: 'cookie' }, 'body', true],
    [{ DEFAULT_TRANSPORT: 'body' }, undefined, true],
    [{ DEFAULT_TRANSPORT: 'body' }, 'cookie', false],
  ]
  for (const [env, transport, inBody] of cases) {
    const { answers } = await everyAnswer(t, env, transport)
    for (const [route, answer] of Object.entries(answers)) {
      const title = `${route} with ${JSON.stringify({ ...env, transport })}`
      t.ok(answer.statusCode < 300, title)
      t.equal('refresh_token' in answer.json(), inBody, title)
      t.equal('set-cookie' in answer.headers, !inBody, title)
    }
  }
})

t.test('a refresh returns the refresh token where the request had it, whatever DEFAULT_TRANSPORT is', async t => {
  const { app, answers } = await everyAnswer(t, { DEFAULT_TRANSPORT: 'body' })
  const { refresh_token } = answers.reset.json()
  const inBody = await post(app, '/auth/refresh', { refresh_token })
  t.match(inBody.json(), { refresh_token: String })
  t.notOk('set-cookie' in inBody.headers)
  const inCookie = await app.inject({
    method: 'POST',
    url: '/auth/refresh',
    headers: { cookie: `__Host-latchkey=${refresh_token}` },
  })
  t.equal(inCookie.statusCode, 200)
  t.notOk('refresh_token' in inCookie.json())
  t.ok('set-cookie' in inCookie.headers)
})

t.test('OpenAPI shows the configured default of transport', async t => {
  for (const DEFAULT_TRANSPORT of ['cookie', 'body']) {
    const { app } = await buildTestApp(t, { DEFAULT_TRANSPORT })
    await app.ready()
    const { paths = {} } = app.swagger()
    for (const name of ['register', 'login', 'change-password', 'reset-password']) {
      const described = JSON.stringify(paths[`/auth/${name}`])
      const start = described.indexOf('"transport":')
      t.match(described.slice(start).match(/"default":"(\w+)"/)?.[1], DEFAULT_TRANSPORT, name)
    }
  }
})
