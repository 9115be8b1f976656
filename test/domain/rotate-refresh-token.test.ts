import t from 'tap'
import { MAX_UNMARKED, SUPERSEDED_GRACE_SECONDS } from '../../src/domain/tokens/judge-refresh-token.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { get, type Person, refresh, refreshed, signUp } from '../support/people.js'

// "row N" in a title is row N of the table in docs/rotation.md.

const DAY = 24 * 60 * 60

/** Rotates once, when the token is old enough for it. */
async function rotateOnce({ app, clock }: TestApp, token: string): Promise<string> {
  await clock.advance(31)
  return refreshed(app, token)
}

/** The whitelist row in Postgres. */
async function whitelistRow({ database }: TestApp, { sessionId }: Person) {
  const [row] = await database.admin`select * from refresh_tokens where session_id = ${sessionId}`
  return row
}

async function events({ database, app }: TestApp, { userId }: Person): Promise<string[]> {
  await app.context.background.settled()
  const rows = await database.admin`select type from security_events where user_id = ${userId} order by at`
  return rows.map(({ type }) => type)
}

t.test('row 0: a forged refresh token is refused without a statement', async t => {
  const { app, stores } = await buildTestApp(t)
  const ada = await signUp(app)
  const before = stores.db.statementsSent
  // The session exists; the tag is invalid.
  const forged = `${ada.refreshToken.slice(0, -4)}AAAA`
  const response = await refresh(app, forged)
  t.equal(response.statusCode, 401)
  t.equal(response.json().code, 'refresh_token_invalid')
  t.equal(stores.db.statementsSent, before, 'no statement was sent')
  t.equal((await refresh(app, ada.refreshToken)).statusCode, 200, 'the session is still valid')
})

t.test('row 1: a session that is over gets its own error code, even for an old generation', async t => {
  const test = await buildTestApp(t)
  const { app, clock, database } = test
  const refusal = async (token: string) => (await refresh(app, token)).json().code

  const revoked = await signUp(app)
  const newest = await rotateOnce(test, await rotateOnce(test, revoked.refreshToken))
  await app.inject({
    method: 'POST',
    url: '/auth/logout',
    payload: { refresh_token: newest },
  })
  t.equal(await refusal(newest), 'session_revoked')
  t.equal(await refusal(revoked.refreshToken), 'session_revoked', 'an old generation is not reported as theft')
  t.notOk((await events(test, revoked)).includes('refresh_token_reused'))

  const disabled = await signUp(app)
  await database.admin`update users set disabled_at = now() where id = ${disabled.userId}`
  t.equal(await refusal(disabled.refreshToken), 'user_disabled')

  const outdated = await signUp(app)
  await database.admin`update users set token_version = token_version + 1 where id = ${outdated.userId}`
  t.equal(await refusal(outdated.refreshToken), 'session_revoked')

  const everybody = await signUp(app)
  await database.admin`update realm set not_before = now() + interval '1 second'`
  t.equal(await refusal(everybody.refreshToken), 'session_revoked')
  await database.admin`update realm set not_before = 'epoch'`

  const idle = await signUp(app)
  await clock.advance(7 * DAY + 1)
  t.equal(await refusal(idle.refreshToken), 'refresh_token_expired')
})

t.test('row 1: no refresh moves the absolute end of a session', async t => {
  const { app, clock } = await buildTestApp(t, { SESSION_MAX_AGE: '10d' })
  const ada = await signUp(app)
  await clock.advance(6 * DAY)
  const next = await refreshed(app, ada.refreshToken)
  await clock.advance(3 * DAY)
  const response = await app.inject({ method: 'POST', url: '/auth/refresh', payload: { refresh_token: next } })
  t.equal(response.statusCode, 200)
  await clock.advance(1 * DAY + 1)
  t.equal((await refresh(app, response.json().refresh_token)).json().code, 'session_expired')
})

t.test('row 2: a refresh token that is old enough is replaced by one statement', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  await test.clock.advance(31)
  const before = test.stores.db.statementsSent
  const next = await refreshed(test.app, ada.refreshToken)
  t.equal(test.stores.db.statementsSent, before + 1)
  t.not(next, ada.refreshToken)
  t.match(await whitelistRow(test, ada), { generation: 1 })
})

t.test('row 3: a tab that refreshes again at once keeps its refresh token and gets a new access token', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  // The first token of a session may be rotated at once …
  const first = await refreshed(test.app, ada.refreshToken)
  t.not(first, ada.refreshToken)
  // … but not the one after it.
  const row = await whitelistRow(test, ada)
  const response = await refresh(test.app, first)
  t.equal(response.json().refresh_token, first)
  t.equal((await get(test.app, '/auth/verify', response.json().access_token)).statusCode, 200)
  t.strictSame(await whitelistRow(test, ada), row, 'nothing was written')
})

t.test('row 4: a client that is ahead of a database that lost its last second can still refresh', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const row = await whitelistRow(test, ada)
  const first = await rotateOnce(test, ada.refreshToken)
  // The failover: the row is as it was before the rotation.
  await test.database.admin`update refresh_tokens set ${test.database.admin(row!)} where session_id = ${ada.sessionId}`
  const second = await refreshed(test.app, first)
  t.match(await whitelistRow(test, ada), { generation: 2 })
  t.equal(await rotateOnce(test, second).then(() => 'goes on'), 'goes on')
  t.ok((await events(test, ada)).includes('refresh_recovered'), 'an event records it')
})

t.test('row 5: a tab with the previous refresh token gets the same successor within ten seconds', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const next = await rotateOnce(test, ada.refreshToken)
  await test.clock.advance(9)
  const row = await whitelistRow(test, ada)
  t.equal(await refreshed(test.app, ada.refreshToken), next)
  t.strictSame(await whitelistRow(test, ada), row, 'nothing was written')
})

t.test('row 6: a phone that lost the response and slept for hours gets the same successor', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const next = await rotateOnce(test, ada.refreshToken)
  await test.clock.advance(5 * 60 * 60)
  t.equal(await refreshed(test.app, ada.refreshToken), next)
  t.match(await whitelistRow(test, ada), { generation: 1, late_replays: 1 })
  t.equal(await refreshed(test.app, ada.refreshToken), next, 'also when that response is lost too')
  t.match(await whitelistRow(test, ada), { late_replays: 1 }, 'one lost response is counted once')
  t.ok((await events(test, ada)).includes('refresh_replayed'))
  t.equal((await refresh(test.app, next)).statusCode, 200)
})

t.test('row 6: a successor used only within its first minute does not supersede the previous token', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  await test.clock.advance(31)
  const other = (await refresh(test.app, ada.refreshToken)).json()
  // Another tab got the response and uses it at once; the response to this tab was lost.
  await test.clock.advance(20)
  await get(test.app, '/auth/verify', other.access_token)
  t.equal(await refreshed(test.app, ada.refreshToken), other.refresh_token)
})

t.test('row 6: a phone that lost the response and slept over a weekend can still refresh', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const next = await rotateOnce(test, ada.refreshToken)
  await test.clock.advance(3 * DAY)
  t.equal(await refreshed(test.app, ada.refreshToken), next)
})

t.test('row 6: a client without cookies may lose the responses of six generations in a row', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  let token = ada.refreshToken
  for (let late = 1; late <= MAX_UNMARKED; late++) {
    const next = await rotateOnce(test, token)
    await test.clock.advance(11)
    t.equal(await refreshed(test.app, token), next, `late answer ${late}`)
    token = next
  }
  const next = await rotateOnce(test, token)
  await test.clock.advance(11)
  t.equal((await refresh(test.app, token)).json().code, 'refresh_token_superseded', 'the seventh is not answered')
  t.equal((await refresh(test.app, next)).statusCode, 200, 'it ends nothing')
})

t.test('row 6: a generation without a late response resets the count', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  let token = ada.refreshToken
  for (let generation = 1; generation <= 2 * MAX_UNMARKED; generation++) {
    const next = await rotateOnce(test, token)
    await test.clock.advance(11)
    if (generation !== MAX_UNMARKED) t.equal(await refreshed(test.app, token), next)
    token = next
  }
})

t.test('row 6: a client that loses the same response for hours is answered every time', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const next = await rotateOnce(test, ada.refreshToken)
  for (let retry = 0; retry < 5; retry++) {
    await test.clock.advance(3600)
    t.equal(await refreshed(test.app, ada.refreshToken), next)
  }
  t.match(await whitelistRow(test, ada), { late_replays: 1 })
})

t.test('row 7: a superseded refresh token is refused with a ticket, and ends nothing', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  await test.clock.advance(31)
  const honest = (await refresh(test.app, ada.refreshToken)).json()
  await test.clock.advance(61)
  await get(test.app, '/auth/verify', honest.access_token)
  const response = await refresh(test.app, ada.refreshToken)
  t.equal(response.statusCode, 401)
  t.match(response.json(), { code: 'refresh_token_superseded', ticket: /^[\w-]{28}$/ })
  t.equal((await get(test.app, '/auth/verify', honest.access_token)).statusCode, 200)
  t.equal((await refresh(test.app, honest.refresh_token)).statusCode, 200)
  t.ok((await events(test, ada)).includes('refresh_superseded'))
})

t.test('row 7: ten stalled requests with the same superseded token end nothing', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const next = await rotateOnce(test, await rotateOnce(test, ada.refreshToken))
  for (let stalled = 0; stalled < 10; stalled++) {
    t.equal((await refresh(test.app, ada.refreshToken)).json().code, 'refresh_token_superseded')
    await test.clock.advance(20)
  }
  const told = (await events(test, ada)).filter(type => type === 'refresh_superseded')
  t.equal(told.length, 1, 'they write one event')
  t.equal((await refresh(test.app, next)).statusCode, 200)
})

t.test('row 8: presenting a superseded refresh token with its ticket ends the session for both parties', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  await test.clock.advance(31)
  const thief = (await refresh(test.app, ada.refreshToken)).json()
  await test.clock.advance(61)
  await get(test.app, '/auth/verify', thief.access_token)
  const { ticket } = (await refresh(test.app, ada.refreshToken)).json()
  const payload = { refresh_token: ada.refreshToken, ticket }
  const response = await test.app.inject({ method: 'POST', url: '/auth/refresh', payload })
  t.equal(response.json().code, 'refresh_token_reused')
  t.equal((await refresh(test.app, thief.refresh_token)).json().code, 'session_revoked', 'the newest token is revoked')
  t.equal((await get(test.app, '/auth/verify', thief.access_token)).json().code, 'token_revoked')
  t.ok((await events(test, ada)).includes('refresh_token_reused'))
  const [entry] = await test.database.admin`select * from revocations where subject = ${ada.sessionId}`
  t.match(entry, { kind: 'session', reason: 'refresh_token_reused' })
})

t.test('row 8: presenting a superseded token again after the grace period ends the session', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  await rotateOnce(test, await rotateOnce(test, ada.refreshToken))
  t.equal((await refresh(test.app, ada.refreshToken)).json().code, 'refresh_token_superseded')
  await test.clock.advance(SUPERSEDED_GRACE_SECONDS + 1)
  t.equal((await refresh(test.app, ada.refreshToken)).json().code, 'refresh_token_reused')
})

t.test('row 8: a thief who presents other old tokens does not hide that the owner comes back', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const thiefs = [ada.refreshToken]
  for (let generation = 0; generation < 3; generation++) thiefs.push(await rotateOnce(test, thiefs.at(-1)!))
  t.equal((await refresh(test.app, ada.refreshToken)).json().code, 'refresh_token_superseded')
  for (let minute = 0; minute < 9; minute += 4) {
    await test.clock.advance(4 * 60)
    thiefs.push(await refreshed(test.app, thiefs.at(-1)!))
    t.equal((await refresh(test.app, thiefs.at(-3)!)).json().code, 'refresh_token_superseded')
  }
  t.equal((await refresh(test.app, ada.refreshToken)).json().code, 'refresh_token_reused')
  t.equal((await refresh(test.app, thiefs.at(-1)!)).json().code, 'session_revoked')
})

t.test('row 8: another old token, presented for the first time, ends nothing, however late', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const second = await rotateOnce(test, ada.refreshToken)
  const third = await rotateOnce(test, second)
  const newest = await rotateOnce(test, third)
  t.equal((await refresh(test.app, second)).json().code, 'refresh_token_superseded')
  await test.clock.advance(3600)
  t.equal((await refresh(test.app, ada.refreshToken)).json().code, 'refresh_token_superseded')
  t.equal((await refresh(test.app, newest)).statusCode, 200)
})

t.test('row 8: the ticket of one superseded token does not count for another token', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const first = await rotateOnce(test, ada.refreshToken)
  const newest = await rotateOnce(test, await rotateOnce(test, first))
  const { ticket } = (await refresh(test.app, ada.refreshToken)).json()
  const answer = (refresh_token: string) =>
    test.app.inject({ method: 'POST', url: '/auth/refresh', payload: { refresh_token, ticket } })
  t.equal((await answer(first)).json().code, 'refresh_token_superseded')
  t.equal((await answer(newest)).statusCode, 200)
})

t.test('row 9: a refresh token with a valid tag and no matching hash is refused and revokes nothing', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const row = await whitelistRow(test, ada)
  let ahead = ada.refreshToken
  for (let rotation = 0; rotation < 3; rotation++) ahead = await rotateOnce(test, ahead)
  // A restored backup: the client is three generations ahead of it.
  await test.database.admin`update refresh_tokens set ${test.database.admin(row!)} where session_id = ${ada.sessionId}`
  const response = await refresh(test.app, ahead)
  t.equal(response.json().code, 'refresh_token_unknown')
  t.equal((await refresh(test.app, ada.refreshToken)).statusCode, 200, 'the session is still valid')
})

t.test('a browser sends its refresh token as a cookie and gets the new one only as a cookie', async t => {
  const { app } = await buildTestApp(t)
  const payload = { email: 'tab@example.com', password: 'a passphrase nobody would guess' }
  const registered = await app.inject({ method: 'POST', url: '/auth/register', payload })
  const [cookie] = registered.cookies
  t.notOk('refresh_token' in registered.json(), 'scripts cannot read it')
  const response = await app.inject({
    method: 'POST',
    url: '/auth/refresh',
    cookies: { [cookie!.name]: cookie!.value },
  })
  t.equal(response.statusCode, 200)
  t.notOk('refresh_token' in response.json())
  t.match(response.cookies, [{ name: '__Host-latchkey', httpOnly: true, secure: true, sameSite: 'Strict', path: '/' }])
})
