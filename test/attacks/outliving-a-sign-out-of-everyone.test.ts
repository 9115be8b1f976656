import { setTimeout as sleep } from 'node:timers/promises'
import { RevocationList } from '@latchkey/verifier/core'
import t from 'tap'
import { signOutEveryone } from '../../src/domain/sessions/end-many-sessions.js'
import { buildTestApp } from '../support/build-test-app.js'
import { clientToken, makeClient } from '../support/clients.js'
import { get, refresh, signIn, signUp, verify } from '../support/people.js'
import { payloadOf } from './forger.js'

const nowSeconds = () => Math.floor(Date.now() / 1000)

t.test('an access token of an old session issued while a sign-out of everyone waits for a lock is revoked', async t => {
  const { app, database } = await buildTestApp(t)
  for (const before of [undefined, nowSeconds() + 3600]) {
    const ada = await signUp(app)
    let during = ''
    const ending = await database.admin.begin(async sql => {
      await sql`select id from realm for update`
      const done = signOutEveryone(app.context, 'test', before)
      await sleep(2100)
      during = (await refresh(app, ada.refreshToken)).json().access_token
      return { done }
    })
    await ending.done
    t.equal(await verify(app, during), 'token_revoked')
    t.equal((await refresh(app, ada.refreshToken)).json().code, 'session_revoked')
    t.equal(await verify(app, (await signIn(app, ada.email)).accessToken), 200, 'a later sign-in is valid')
  }
})

t.test('a sign-out of everyone goes by the start of the session, not by the issue time of the token', async t => {
  const list = new RevocationList()
  list.add({ kind: 'realm', before: 1000, reason: 'test', expiresAt: null })
  const facts = { kid: 'k', jti: 'j', sessionId: 's', userId: 'u', tokenVersion: 0, rolesVersion: 0 }
  t.equal(list.refuses({ ...facts, issuedAt: 1001, authTime: 999 }), 'revoked', 'refreshed during the sign-out')
  t.equal(list.refuses({ ...facts, issuedAt: 1001, authTime: 1000 }), undefined)
})

t.test('a sign-out of everyone sets neither its bound nor iat ahead of the clock', async t => {
  const { app, database } = await buildTestApp(t)
  const client = await makeClient(app, 'introspect')
  const { email } = await signUp(app)
  for (let times = 0; times < 3; times++) {
    await signOutEveryone(app.context, 'test')
    const [row] = await database.admin`
      select not_before <= clock_timestamp() as passed, extract(epoch from clock_timestamp())::float8 as now from realm`
    t.ok(row!.passed)
    const { accessToken } = await signIn(app, email)
    t.equal(await verify(app, accessToken), 200)
    for (const token of [accessToken, await clientToken(app, client)])
      t.ok(Number(payloadOf(token).iat) <= Math.ceil(row!.now))
  }
})

t.test('a sign-out of everyone before an earlier bound changes nothing and writes no entry', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUp(app)
  await signOutEveryone(app.context, 'test', nowSeconds() - 3600)
  const count = async () => (await database.admin`select count(*)::int as count from revocations`)[0]!.count
  t.equal(await count(), 1)
  await signOutEveryone(app.context, 'test', nowSeconds() - 7200)
  t.equal(await count(), 1)
  t.equal(await verify(app, ada.accessToken), 200)
})

t.test('a sign-out of everyone up to a given time keeps the sessions that began after it', async t => {
  const { app, clock } = await buildTestApp(t)
  const old = await signUp(app)
  await clock.advance(3600)
  const young = await signIn(app, old.email)
  await signOutEveryone(app.context, 'test', clock.now() / 1000 - 1800)
  t.equal(await verify(app, old.accessToken), 'token_expired')
  t.equal((await refresh(app, old.refreshToken)).json().code, 'session_revoked')
  const refreshed = (await refresh(app, young.refreshToken)).json()
  t.equal(await verify(app, refreshed.access_token), 200)
  t.equal((await get(app, '/auth/sessions', refreshed.access_token)).json().length, 1)
})

t.test('a sign-out of everyone takes a second, and works although DATABASE_TIMEOUT is shorter', async t => {
  const { app } = await buildTestApp(t, { DATABASE_TIMEOUT: '400ms' })
  const ada = await signUp(app)
  await Promise.all(Array.from({ length: 4 }, () => signOutEveryone(app.context, 'test')))
  t.equal(await verify(app, ada.accessToken), 'token_revoked')
})
