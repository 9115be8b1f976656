import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { setRoles } from '../../src/domain/accounts/administer-users.js'
import { forgerOf, payloadOf } from '../attacks/forger.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { PASSWORD, post, signIn, signUp } from '../support/people.js'
import { listen } from '../support/raw-request.js'
import { SimpleJwtClient } from '../support/simple-jwt-client.js'
import { skipWithout } from '../support/skip-without.js'
import { findPython, startDjango } from './django-process.js'

const python = await findPython()
const skip = skipWithout(
  python !== undefined,
  'no Python has Django, Simple JWT, cryptography and redis: install Debian’s python3-djangorestframework-simplejwt, ' +
    'python3-cryptography and python3-redis',
)

interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: each test checks the body that it expects.
  body: any
  challenge: string | null
}

interface Setting extends TestApp {
  latchkey: string
  django: string
  notes(token: string): Promise<Answer>
  /** Repeats the request until the status is reached: a revocation reaches the blacklist shortly after the commit. */
  notesUntil(status: number, token: string): Promise<Answer>
}

async function open(t: Test, settings: NodeJS.ProcessEnv = {}): Promise<Setting> {
  const test = await buildTestApp(t)
  const latchkey = `http://127.0.0.1:${await listen(test.app)}`
  const django = await startDjango(t, python!, {
    LATCHKEY_URL: latchkey,
    LATCHKEY_ISSUER: test.config.issuer,
    LATCHKEY_REDIS_URL: test.config.redis.url,
    LATCHKEY_REDIS_KEY_PREFIX: test.config.redis.keyPrefix,
    ...settings,
  })

  async function notes(token: string): Promise<Answer> {
    const answer = await fetch(`${django}/notes/`, { headers: { authorization: `Bearer ${token}` } })
    return { status: answer.status, body: await answer.json(), challenge: answer.headers.get('www-authenticate') }
  }
  async function notesUntil(status: number, token: string): Promise<Answer> {
    const deadline = Date.now() + 30_000
    for (;;) {
      const answer = await notes(token)
      if (answer.status === status || Date.now() > deadline) return answer
      await sleep(50)
    }
  }
  return { ...test, latchkey, django, notes, notesUntil }
}

async function obtain({ app }: TestApp, email: string): Promise<{ access: string; refresh: string }> {
  return (await post(app, '/api/token/', { username: email, password: PASSWORD })).json()
}

t.test('an unchanged Django service accepts our access token with our public keys', { skip }, async t => {
  const test = await open(t)
  const ada = await signUp(test.app)
  await test.database.admin`update users set external_id = '42' where id = ${ada.userId}`
  await setRoles(test.app.context, ada.email, ['editor'], 'cli')
  const { access } = await obtain(test, ada.email)
  const answer = await test.notesUntil(200, access)
  t.equal(answer.status, 200)
  t.strictSame(answer.body, { user: '42', session: payloadOf(access).sid, roles: ['editor'] })
})

t.test('a Django service refuses expired, foreign and forged tokens and other token types', { skip }, async t => {
  const test = await open(t)
  const ada = await signUp(test.app)
  const { access, refresh } = await obtain(test, ada.email)
  t.equal((await test.notesUntil(200, access)).status, 200)

  const forger = await forgerOf(test, access)
  t.equal((await test.notes(forger.token({}))).status, 200, 'a token of the forger is valid while no claim is changed')
  const elsewhere = await buildTestApp(t)
  const eve = await signUp(elsewhere.app)
  const now = Math.floor(Date.now() / 1000)
  const refused: Record<string, string> = {
    'it has expired': forger.token({}, { iat: now - 3600, exp: now - 60 }),
    'another Latchkey made it': (await obtain(elsewhere, eve.email)).access,
    'its issuer is another': forger.token({}, { iss: 'https://elsewhere.example' }),
    'it is for another audience': forger.token({}, { aud: 'https://elsewhere.example' }),
    'it says that it has no signature': `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${access.split('.')[1]}.`,
    'a byte of it was changed': access.replace(/\.(.)/, (_, first) => `.${first === 'e' ? 'f' : 'e'}`),
    'it is another kind of JWT': forger.token({ typ: 'JWT' }),
    'it is a token of our own routes': (await signIn(test.app, ada.email)).accessToken,
    'it is a refresh token': refresh,
  }
  for (const [why, token] of Object.entries(refused)) {
    const answer = await test.notes(token)
    t.equal(answer.status, 401, why)
    t.equal(answer.body.code, 'token_not_valid', why)
    t.equal(answer.challenge, 'Bearer realm="api"')
  }
})

t.test('a Django service refuses a revoked token through the blacklist', { skip }, async t => {
  const test = await open(t)
  const { app } = test
  const ada = await signUp(app)
  const eve = await signUp(app)
  const bystander = await obtain(test, eve.email)
  t.equal((await test.notesUntil(200, bystander.access)).status, 200)

  const ended = await obtain(test, ada.email)
  t.equal((await test.notes(ended.access)).status, 200)
  await post(app, '/api/token/blacklist/', { refresh: ended.refresh })
  const answer = await test.notesUntil(401, ended.access)
  t.match(answer.body, {
    code: 'token_not_valid',
    messages: [{ token_class: 'AccessToken', token_type: 'access', message: 'Token is blacklisted' }],
  })

  const before = await obtain(test, ada.email)
  await setRoles(app.context, ada.email, ['editor'], 'cli')
  t.equal((await test.notesUntil(401, before.access)).status, 401, 'older than a change of roles')
  const after = (await post(app, '/api/token/refresh/', { refresh: before.refresh })).json()
  t.equal((await test.notesUntil(200, after.access)).status, 200, 'valid again after a refresh')

  await post(app, '/auth/logout', { scope: 'all', refresh_token: after.refresh })
  t.equal((await test.notesUntil(401, after.access)).status, 401, 'revoked by signing out everywhere')
  t.equal((await test.notes(bystander.access)).status, 200, 'other users are not affected')
})

t.test('a Django service answers 503 while it cannot read the blacklist', { skip }, async t => {
  const away = await open(t, { LATCHKEY_REDIS_URL: 'redis://127.0.0.1:1' })
  const ada = await signUp(away.app)
  t.equal((await away.notes((await obtain(away, ada.email)).access)).status, 503, 'Redis does not answer')
  const empty = await open(t, { LATCHKEY_REDIS_KEY_PREFIX: 'empty' })
  const eve = await signUp(empty.app)
  t.equal((await empty.notes((await obtain(empty, eve.email)).access)).status, 503, 'Redis was flushed')
})

t.test('an axios interceptor refreshes and repeats a request that a Django service refused', { skip }, async t => {
  const test = await open(t)
  const ada = await signUp(test.app)
  const tokens = await obtain(test, ada.email)
  t.equal((await test.notesUntil(200, tokens.access)).status, 200)
  const forger = await forgerOf(test, tokens.access)
  const now = Math.floor(Date.now() / 1000)
  const client = new SimpleJwtClient(test.latchkey, {
    ...tokens,
    access: forger.token({}, { iat: now - 3600, exp: now - 60 }),
  })
  t.match(await client.get(`${test.django}/notes/`), { status: 200, data: { user: ada.userId } })
  t.equal(client.refreshes, 1)
})
