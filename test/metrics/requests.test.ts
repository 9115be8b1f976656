import { decodeProtectedHeader } from 'jose'
import t from 'tap'
import { disableUser, setRoles } from '../../src/domain/accounts/administer-users.js'
import { revokeSigningKey } from '../../src/domain/keys/rotate-signing-key.js'
import { TOKEN_CHECK_OUTCOMES } from '../../src/lib/measurements.js'
import { makeClient, refreshAsClient } from '../support/clients.js'
import {
  get,
  PASSWORD,
  post,
  refresh,
  refreshed,
  refreshWithoutRotating,
  refreshWithTicket,
  signIn,
  signUp,
  verify,
} from '../support/people.js'
import { measuredApp } from './measured-app.js'

const DAY = 24 * 60 * 60

t.test('every outcome of a sign-in is counted', async t => {
  const { app, read } = await measuredApp(t, { LOCKOUT_FAILURES: '3', HASH_QUEUE: '0', HASH_CONCURRENCY: '1' })
  const ada = await signUp(app)
  await signIn(app, ada.email)
  const tryPassword = (email: string, password: string) => post(app, '/auth/login', { email, password })
  await tryPassword('nobody@example.com', PASSWORD)
  for (let times = 0; times < 4; times++) await tryPassword(ada.email, 'not the passphrase of ada')
  const bob = await signUp(app)
  await disableUser(app.context, bob.userId, 'test')
  await tryPassword(bob.email, PASSWORD)
  await Promise.all(Array.from({ length: 4 }, () => tryPassword('nobody@example.com', PASSWORD)))
  const samples = await read()
  const signIns = (outcome: string) => samples.sumOf('latchkey_sign_ins_total', { outcome })
  t.equal(signIns('signed_in'), 1)
  t.equal(signIns('wrong_password'), 3)
  t.equal(signIns('account_locked'), 1)
  t.equal(signIns('account_disabled'), 1)
  t.equal(signIns('unknown_account')! + signIns('busy')!, 5)
  t.ok(signIns('busy')! > 0, 'the queue for hashes was full')
  t.equal(signIns('failed'), 0, 'an outcome that never was is 0')
  t.equal(samples.sumOf('latchkey_password_hashes_refused_total'), signIns('busy'))
  t.equal(samples.sumOf('latchkey_password_hashes_waiting_max'), 0)
  t.equal(samples.sumOf('latchkey_security_events_total', { type: 'registered' }), 2)
  t.equal(samples.sumOf('latchkey_security_events_total', { type: 'account_locked' }), 1)
  t.equal(samples.sumOf('latchkey_http_refusals_total', { code: 'invalid_credentials' }), 6 + 4 - signIns('busy')!)
})

t.test('a refresh is counted by its row of the table', async t => {
  const { app, clock, read } = await measuredApp(t)
  const rows = async () => {
    const samples = await read()
    return (row: string, rotating = 'yes') => samples.sumOf('latchkey_refreshes_total', { row, rotating })
  }
  const ada = await signUp(app)
  await refresh(app, `${ada.refreshToken.slice(0, -4)}AAAA`)
  t.equal((await rows())('0'), 1)

  const first = await refreshed(app, ada.refreshToken)
  t.equal((await rows())('2'), 1)
  await refreshed(app, ada.refreshToken)
  t.equal((await rows())('5'), 1, 'a repetition within the leeway')
  await refreshed(app, first)
  t.equal((await rows())('3'), 1, 'a token that was rotated a moment ago')
  await clock.advance(60)
  await refreshed(app, ada.refreshToken)
  t.equal((await rows())('6'), 1, 'a lost answer')
  await clock.advance(60)
  const second = await refreshed(app, first)
  await refreshWithoutRotating(app, second)
  t.equal((await rows())('3', 'no'), 1)
  await refresh(app, ada.refreshToken)
  t.equal((await rows())('7'), 1)
  await refreshWithTicket(app, ada.refreshToken)
  t.equal((await rows())('8'), 1)
  await refresh(app, second)
  t.equal((await rows())('1'), 1, 'a session that is over')

  const bob = await signUp(app)
  await refreshAsClient(app, await makeClient(app, 'sessions'), bob.refreshToken)
  t.equal((await rows())('0b'), 1)
  const [next] = [await refreshed(app, bob.refreshToken)]
  await app.context.db.refreshTokens.remove([bob.sessionId])
  await refresh(app, next)
  t.equal((await rows())('1'), 2)
  t.equal((await rows())('9'), 0)
})

t.test('rows 4 and 9 are counted: a database that lost a commit, and a secret that matches no generation', async t => {
  const { app, clock, database, read } = await measuredApp(t)
  const ada = await signUp(app)
  const rowOf = () => database.admin`select * from refresh_tokens where session_id = ${ada.sessionId}`
  const [before] = await rowOf()
  await clock.advance(31)
  const next = await refreshed(app, ada.refreshToken)
  await database.admin`update refresh_tokens set ${database.admin(before as object)} where session_id = ${ada.sessionId}`
  await refreshed(app, next)
  await database.admin`update refresh_tokens set token_hash = next_hash, next_hash = ${Buffer.alloc(32, 1)}, generation = 0, previous_hash = null where session_id = ${ada.sessionId}`
  await refresh(app, next)
  const samples = await read()
  t.equal(samples.sumOf('latchkey_refreshes_total', { row: '4', outcome: 'recovered' }), 1)
  t.equal(samples.sumOf('latchkey_refreshes_total', { row: '9', outcome: 'unknown' }), 1)
})

t.test('a check of a token is counted by its outcome', async t => {
  const { app, clock, read } = await measuredApp(t)
  const ada = await signUp(app)
  const checks = async (outcome: string) => (await read()).sumOf('latchkey_token_checks_total', { outcome })
  await verify(app, ada.accessToken)
  t.equal(await checks('valid'), 1)
  await verify(app, 'not-a-token')
  t.equal(await checks('invalid'), 1)
  await post(app, '/auth/logout', { scope: 'session' }, { authorization: `Bearer ${ada.accessToken}` })
  await verify(app, ada.accessToken)
  t.equal(await checks('revoked'), 1)
  const bob = await signUp(app)
  await clock.advance(DAY)
  await verify(app, bob.accessToken)
  t.equal(await checks('expired'), 1)
  const eve = await signUp(app)
  await setRoles(app.context, eve.email, ['editor'], 'test')
  await verify(app, eve.accessToken)
  t.equal(await checks('stale'), 1, 'the roles have changed')
  const kid = decodeProtectedHeader(eve.accessToken).kid!
  await revokeSigningKey(app.context, kid, 'test')
  await verify(app, eve.accessToken)
  t.equal(await checks('stale'), 2, 'the signing key was revoked')
  t.same(TOKEN_CHECK_OUTCOMES.length, (await read()).labelsOf('latchkey_token_checks_total', 'outcome').length)
})

t.test('a request is measured by the pattern of its route, and by no text of the client', async t => {
  const { app, read } = await measuredApp(t)
  const ada = await signUp(app)
  await app.inject({
    method: 'DELETE',
    url: `/auth/sessions/${ada.sessionId}`,
    headers: { authorization: `Bearer ${ada.accessToken}` },
  })
  await get(app, '/canary-path', ada.accessToken)
  await app.inject({ method: 'PROPFIND' as 'GET', url: '/auth/verify/-/canary-path' })
  const samples = await read()
  const name = 'latchkey_http_request_duration_seconds_count'
  t.equal(samples.sumOf(name, { route: '/auth/sessions/:id', method: 'DELETE', status: '2xx' }), 1)
  t.equal(samples.sumOf(name, { route: 'unknown', method: 'GET', status: '4xx' }), 1)
  t.equal(samples.sumOf(name, { method: 'other', status: '4xx' }), 1)
  t.ok(samples.sumOf('latchkey_http_request_duration_seconds_sum', { route: '/auth/sessions/:id' })! > 0)
  t.notMatch(samples.labelsOf(name, 'route').join(' '), /canary/)
})
