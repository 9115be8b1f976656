import t from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { refresh, refreshed, signUp } from '../support/people.js'

const FIRST = 'the first refresh secret of thirty-two bytes or more'
const SECOND = 'the second refresh secret of thirty-two bytes or more'

/** An instance with the old secret, and one with the new secret that also knows the old one. */
async function beforeAndAfter(t: Parameters<typeof buildTestApp>[0]): Promise<[TestApp, TestApp]> {
  const before = await buildTestApp(t, { JWT_REFRESH_SECRET: FIRST })
  return [before, await before.another({ JWT_REFRESH_SECRET: `${SECOND},${FIRST}` })]
}

t.test('a failover that loses the first rotation after a secret change does not fork the session', async t => {
  const [before, after] = await beforeAndAfter(t)
  const ada = await signUp(before.app)
  const { admin } = before.database
  const [row] = await admin`select * from refresh_tokens where session_id = ${ada.sessionId}`
  const next = await refreshed(after.app, ada.refreshToken)
  await admin`update refresh_tokens set ${admin(row!)} where session_id = ${ada.sessionId}`
  t.equal((await refresh(after.app, next)).statusCode, 200, 'the client is one generation ahead, by the older secret')
})

t.test('the successor of a refresh token of the old secret is valid without that secret', async t => {
  const [before, after] = await beforeAndAfter(t)
  const alone = await before.another({ JWT_REFRESH_SECRET: SECOND })
  const ada = await signUp(before.app)
  const next = await refreshed(after.app, ada.refreshToken)
  await before.clock.advance(31)
  t.equal((await refresh(alone.app, next)).statusCode, 200)
  t.equal((await refresh(alone.app, ada.refreshToken)).json().code, 'refresh_token_invalid')
})

t.test('a replay of a token that the old secret rotated gets a successor that is valid without it', async t => {
  const [before, after] = await beforeAndAfter(t)
  const alone = await before.another({ JWT_REFRESH_SECRET: SECOND })
  const ada = await signUp(before.app)
  await refreshed(before.app, ada.refreshToken)
  const again = await refreshed(after.app, ada.refreshToken)
  await before.clock.advance(31)
  t.equal((await refresh(alone.app, again)).statusCode, 200)
})
