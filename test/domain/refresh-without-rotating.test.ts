import { decodeJwt } from 'jose'
import t from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import {
  accessTokenFor,
  get,
  type Person,
  post,
  refresh,
  refreshed,
  refreshWithoutRotating,
  signUp,
  verify,
} from '../support/people.js'

// "row N" in a title is row N of the table in docs/rotation.md.

const DAY = 24 * 60 * 60

/** Everything that the database has about a session: with `rotate: false` none of it changes. */
async function stored({ app, database }: TestApp, { sessionId }: Person) {
  await app.context.background.settled()
  const [session] = await database.admin`select * from sessions where id = ${sessionId}`
  const [row] = await database.admin`select * from refresh_tokens where session_id = ${sessionId}`
  const told = await database.admin`select * from superseded_tokens where session_id = ${sessionId}`
  const revoked = await database.admin`select * from revocations where subject = ${sessionId}`
  const events = await database.admin`select type from security_events where session_id = ${sessionId} order by at`
  return { session, row, told: [...told], revoked: [...revoked], events: events.map(({ type }) => type) }
}

async function code(app: TestApp['app'], token: string): Promise<string | undefined> {
  return (await refreshWithoutRotating(app, token)).json().code
}

t.test('the current token gives an access token of its generation, by one statement that changes nothing', async t => {
  const test = await buildTestApp(t)
  const { app, clock, stores } = test
  const ada = await signUp(app)
  for (const generation of [0, 1, 2]) {
    const token = generation === 0 ? ada.refreshToken : await refreshed(app, ada.refreshToken)
    ada.refreshToken = token
    // Young first, then old enough to be rotated.
    for (const seconds of [0, 45, 3600]) {
      await clock.advance(seconds)
      const before = await stored(test, ada)
      const sent = stores.db.statementsSent
      const response = await refreshWithoutRotating(app, token)
      t.equal(stores.db.statementsSent, sent + 1)
      t.equal(response.statusCode, 200)
      const { access_token, ...rest } = response.json()
      t.match(decodeJwt(access_token), { gen: generation, sid: ada.sessionId, sub: ada.userId })
      t.strictSame(Object.keys(rest).sort(), ['expires_in', 'session_id', 'token_type', 'user'])
      t.equal(response.headers['cache-control'], 'no-store')
      t.equal(await verify(app, access_token), 200)
      t.strictSame(await stored(test, ada), before)
    }
  }
})

t.test('an access token contains the roles of now, and "rotate": true is the usual refresh', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUp(app)
  await database.admin`update users set roles = '{editor}', roles_version = roles_version + 1 where id = ${ada.userId}`
  t.match(decodeJwt(await accessTokenFor(app, ada.refreshToken)), { roles: ['editor'], roles_version: 1 })
  const rotated = await post(app, '/auth/refresh', { refresh_token: ada.refreshToken, rotate: true })
  t.match(rotated.json().refresh_token, /^lk_rt_/)
  t.not(rotated.json().refresh_token, ada.refreshToken)
  for (const rotate of ['false', 0, null, []])
    t.equal((await post(app, '/auth/refresh', { refresh_token: ada.refreshToken, rotate })).statusCode, 400)
})

t.test('it does not extend the session: the token expires when it would have expired anyway', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  for (let day = 1; day < 7; day++) {
    await clock.advance(DAY)
    t.equal((await refreshWithoutRotating(app, ada.refreshToken)).statusCode, 200)
  }
  await clock.advance(DAY - 60)
  const { exp, iat } = decodeJwt(await accessTokenFor(app, ada.refreshToken))
  t.ok(exp! - iat! <= 60, 'the access token does not outlast the session')
  await clock.advance(61)
  t.equal(await code(app, ada.refreshToken), 'refresh_token_expired')
  t.equal((await refresh(app, ada.refreshToken)).json().code, 'refresh_token_expired')
})

t.test('row 1: a session that is over gets the errors of a rotation', async t => {
  const { app, clock, database } = await buildTestApp(t, { SESSION_MAX_AGE: '8d' })
  const both = async (person: Person, expected: string) => {
    t.equal(await code(app, person.refreshToken), expected)
    t.equal((await refresh(app, person.refreshToken)).json().code, expected)
  }
  const ada = await signUp(app)
  await post(app, '/auth/logout', { refresh_token: ada.refreshToken })
  await both(ada, 'session_revoked')
  const disabled = await signUp(app)
  await database.admin`update users set disabled_at = now() where id = ${disabled.userId}`
  await both(disabled, 'user_disabled')
  const outdated = await signUp(app)
  await database.admin`update users set token_version = token_version + 1 where id = ${outdated.userId}`
  await both(outdated, 'session_revoked')
  const deleted = await signUp(app)
  await database.admin`delete from users where id = ${deleted.userId}`
  await both(deleted, 'session_revoked')
  const oldest = await signUp(app)
  await clock.advance(5 * DAY)
  oldest.refreshToken = await refreshed(app, oldest.refreshToken)
  await clock.advance(3 * DAY + 1)
  await both(oldest, 'session_expired')
})

t.test('row 4: a client that is ahead of the database gets an access token', async t => {
  const test = await buildTestApp(t)
  const { app, clock, database } = test
  const ada = await signUp(app)
  await clock.advance(31)
  const { row } = await stored(test, ada)
  const ahead = await refreshed(app, ada.refreshToken)
  await database.admin`update refresh_tokens set ${database.admin(row!)} where session_id = ${ada.sessionId}`
  const before = await stored(test, ada)
  t.match(decodeJwt(await accessTokenFor(app, ahead)), { gen: 1 })
  t.strictSame(await stored(test, ada), before)
  t.match(await refreshed(app, ahead), /^lk_rt_/)
})

t.test(
  'rows 5 and 6: the previous token gives access tokens of its own generation, and nothing is counted',
  async t => {
    const test = await buildTestApp(t)
    const { app, clock } = test
    const ada = await signUp(app)
    await clock.advance(31)
    const next = await refreshed(app, ada.refreshToken)
    const before = await stored(test, ada)
    for (const seconds of [0, 9, 30, 3600, DAY]) {
      await clock.advance(seconds)
      const accessToken = await accessTokenFor(app, ada.refreshToken)
      t.match(decodeJwt(accessToken), { gen: 0 })
      t.equal(await verify(app, accessToken), 200)
    }
    t.strictSame(await stored(test, ada), before)
    t.equal(await refreshed(app, ada.refreshToken), next, 'a refresh still answers the successor')
  },
)

t.test('a client whose answer was lost is not signed out by what its server does in the meantime', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  await clock.advance(31)
  // The answer of this rotation never arrives. The server works with the old cookie for hours.
  const lost = await refreshed(app, ada.refreshToken)
  for (let hour = 0; hour < 5; hour++) {
    await clock.advance(3600)
    const accessToken = await accessTokenFor(app, ada.refreshToken)
    t.equal((await get(app, '/auth/sessions', accessToken)).statusCode, 200)
    await app.context.activity.flush()
    await clock.advance(61)
    t.equal(await verify(app, accessToken), 200)
  }
  t.equal(await refreshed(app, ada.refreshToken), lost)
})

t.test('a request with the current token counts as its use: the previous token is superseded', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  await clock.advance(31)
  const next = await refreshed(app, ada.refreshToken)
  await clock.advance(50)
  await accessTokenFor(app, next)
  t.equal((await refreshWithoutRotating(app, ada.refreshToken)).statusCode, 200, 'within the settling time')
  await clock.advance(15)
  await accessTokenFor(app, next)
  t.equal(await code(app, ada.refreshToken), 'refresh_token_superseded')
  t.equal((await refresh(app, ada.refreshToken)).json().code, 'refresh_token_superseded')
})

t.test('rows 7 and 8: a superseded token is refused, and no number of requests ends the session', async t => {
  const test = await buildTestApp(t)
  const { app, clock } = test
  const ada = await signUp(app)
  await clock.advance(31)
  const next = await refreshed(app, ada.refreshToken)
  await clock.advance(31)
  const newest = await refreshed(app, next)
  const before = await stored(test, ada)
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => refreshWithoutRotating(app, ada.refreshToken)))
    for (const answer of answers) {
      t.match(answer.json(), { code: 'refresh_token_superseded' })
      t.notOk(answer.json().ticket, 'no ticket')
    }
    // Longer than the ten minutes after which a client that keeps its token itself would end the session.
    await clock.advance(700)
  }
  t.strictSame(await stored(test, ada), before)
  t.equal((await refresh(app, newest)).statusCode, 200)
})

t.test('row 8: with a ticket the token is refused too, and only a refresh ends the session', async t => {
  const test = await buildTestApp(t)
  const { app, clock } = test
  const ada = await signUp(app)
  await clock.advance(31)
  const next = await refreshed(app, ada.refreshToken)
  await clock.advance(31)
  await refreshed(app, next)
  const { ticket } = (await refresh(app, ada.refreshToken)).json()
  const before = await stored(test, ada)
  for (let round = 0; round < 3; round++)
    t.equal((await refreshWithoutRotating(app, ada.refreshToken, { ticket })).json().code, 'refresh_token_superseded')
  t.strictSame(await stored(test, ada), before)
  const again = await post(app, '/auth/refresh', { refresh_token: ada.refreshToken, ticket })
  t.equal(again.json().code, 'refresh_token_reused')
})

t.test('row 9: a token that matches no state is refused, with one event for many requests', async t => {
  const test = await buildTestApp(t)
  const { app, clock, database } = test
  const ada = await signUp(app)
  const { row } = await stored(test, ada)
  await clock.advance(31)
  const first = await refreshed(app, ada.refreshToken)
  await clock.advance(31)
  const second = await refreshed(app, first)
  await database.admin`update refresh_tokens set ${database.admin(row!)} where session_id = ${ada.sessionId}`
  for (let request = 0; request < 20; request++) t.equal(await code(app, second), 'refresh_token_unknown')
  t.strictSame((await stored(test, ada)).events, ['registered', 'refresh_token_unknown'])
  t.equal((await refresh(app, ada.refreshToken)).statusCode, 200, 'the session continues')
})

t.test('the session shows when it was last used, and keeps the device and the address of its browser', async t => {
  const test = await buildTestApp(t)
  const { app, clock } = test
  const ada = await signUp(app)
  await clock.advance(3600)
  const before = await stored(test, ada)
  const accessToken = await accessTokenFor(app, ada.refreshToken, { 'user-agent': 'node' })
  t.strictSame(await stored(test, ada), before)
  const [session] = (await get(app, '/auth/sessions', accessToken)).json()
  t.equal(Math.round(Date.parse(session.last_active_at) / 60_000), Math.round(clock.now() / 60_000))
  t.not(session.device?.browser, 'node')
})
