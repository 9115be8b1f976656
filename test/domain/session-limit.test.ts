import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { commitAndAnnounce } from '../../src/domain/commit-and-announce.js'
import { openSession, openSessionIfRoom } from '../../src/domain/sessions/open-session.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { PASSWORD, post, refreshed, signIn, signUp, verify } from '../support/people.js'

const DENY = { MAX_SESSIONS_PER_USER: '2', MAX_SESSIONS_POLICY: 'deny' }

const attempt = ({ app }: TestApp, email: string) =>
  post(app, '/auth/login', { email, password: PASSWORD, transport: 'body' })

t.test('by default a sign-in over the session limit revokes the oldest session', async t => {
  const test = await buildTestApp(t, { MAX_SESSIONS_PER_USER: '2' })
  const ada = await signUp(test.app)
  const second = await signIn(test.app, ada.email)
  await signIn(test.app, ada.email)
  t.equal(await verify(test.app, ada.accessToken), 'token_revoked')
  t.equal(await verify(test.app, second.accessToken), 200)
})

t.test('with MAX_SESSIONS_POLICY=deny a sign-in over the limit is refused until a session ends', async t => {
  const test = await buildTestApp(t, DENY)
  const ada = await signUp(test.app)
  const second = await signIn(test.app, ada.email)
  const refused = await attempt(test, ada.email)
  t.equal(refused.statusCode, 403)
  t.equal(refused.json().code, 'too_many_sessions')
  t.notOk(refused.headers['set-cookie'])
  t.equal(await verify(test.app, ada.accessToken), 200, 'no session is revoked')
  t.equal(await verify(test.app, second.accessToken), 200)

  await post(test.app, '/auth/logout', { refresh_token: second.refreshToken })
  t.equal((await attempt(test, ada.email)).statusCode, 200)
  t.equal((await attempt(test, ada.email)).statusCode, 403)

  const eve = await signUp(test.app)
  t.equal((await attempt(test, eve.email)).statusCode, 200, 'each account has its own limit')
})

t.test('a sign-in with a wrong password does not reveal that the session limit is reached', async t => {
  const test = await buildTestApp(t, DENY)
  const ada = await signUp(test.app)
  await signIn(test.app, ada.email)
  const response = await post(test.app, '/auth/login', { email: ada.email, password: 'not the passphrase' })
  t.equal(response.json().code, 'invalid_credentials')
})

t.test('a session whose idle time is over does not count towards the session limit', async t => {
  const test = await buildTestApp(t, DENY)
  const ada = await signUp(test.app)
  const idle = await signIn(test.app, ada.email)
  await test.clock.advance(4 * 24 * 60 * 60)
  await refreshed(test.app, ada.refreshToken)
  t.equal((await attempt(test, ada.email)).statusCode, 403)
  await test.clock.advance(4 * 24 * 60 * 60)
  t.equal((await attempt(test, ada.email)).statusCode, 200)
  t.equal((await post(test.app, '/auth/refresh', { refresh_token: idle.refreshToken })).statusCode, 401)
})

t.test('of two concurrent sign-ins for the last session that the limit allows, one succeeds', async t => {
  const test = await buildTestApp(t, DENY)
  const { context } = test.app
  const ada = await signUp(test.app)
  const { passwordHash, tokenVersion } = (await context.db.users.findById(ada.userId))!
  // The passwords of both are verified already.
  const fence = { passwordHash, tokenVersion }
  const signIn = { userId: ada.userId, fence, transport: 'body', caller: {} } as const

  let commit = () => {}
  const first = new Promise<void>((isOpen, failed) => {
    const mayCommit = new Promise<void>(resolve => {
      commit = resolve
    })
    const held = commitAndAnnounce(context, async repositories => {
      await openSession(context, repositories, signIn)
      isOpen()
      await mayCommit
    })
    held.catch(failed)
  })
  await first
  const second = commitAndAnnounce(context, repositories => openSession(context, repositories, signIn)).catch(
    error => error,
  )
  // It waits for the row too. It has counted the sessions before that, without the one that is not committed.
  const third = openSessionIfRoom(context, context.db, signIn)
  await Promise.race([second, third, sleep(500)])
  commit()
  t.match(await second, { code: 'too_many_sessions' })
  t.equal(await third, undefined, 'a count that may be outdated decides nothing')
  const [row] = await test.database.admin`select count(*)::int from sessions where user_id = ${ada.userId}`
  t.equal(row!.count, 2, 'the refused sign-in left no session')
})

t.test('a password change succeeds at the session limit, because it revokes every other session', async t => {
  const test = await buildTestApp(t, DENY)
  const ada = await signUp(test.app)
  await signIn(test.app, ada.email)
  const change = { email: ada.email, current_password: PASSWORD, new_password: `${PASSWORD} but longer` }
  t.equal((await post(test.app, '/auth/change-password', change)).statusCode, 200)
})
