import t, { type Test } from 'tap'
import { disableUnusedStreams, INACTIVITY_TIMEOUT_SECONDS } from '../../src/domain/signals/stream-status.js'
import { buildTestApp } from '../support/build-test-app.js'
import { get, PASSWORD, post, signIn, signUp } from '../support/people.js'
import { signalClient } from '../support/signals.js'

/** An instance with a stream that is polled, for all types of events. */
async function withStream(t: Test, body: object = {}) {
  const service = await buildTestApp(t)
  const client = await signalClient(service.app)
  const created = await client.create(body)
  t.equal(created.statusCode, 201, created.body)
  return { ...service, client, id: created.json().stream_id as string }
}

t.test('events are returned until they are acknowledged', async t => {
  const { app, client, id } = await withStream(t)
  const ada = await signUp(app)
  await app.inject({ method: 'POST', url: '/auth/logout', headers: { authorization: `Bearer ${ada.accessToken}` } })
  const first = (await client.poll(id)).json()
  t.equal(Object.keys(first.sets).length, 1)
  t.equal(first.moreAvailable, false)
  const again = (await client.poll(id)).json()
  t.same(Object.keys(again.sets), Object.keys(first.sets))
  const [jti] = Object.keys(first.sets) as [string]
  const set = await client.verify(again.sets[jti])
  t.match(set, {
    jti,
    type: 'session-revoked',
    sub_id: {
      format: 'complex',
      user: { format: 'iss_sub', iss: app.context.config.issuer, sub: ada.userId },
      session: { format: 'opaque', id: ada.sessionId },
    },
    event: { initiating_entity: 'user', reason_admin: { en: String }, reason_user: { en: String } },
  })
  t.equal(set.txn, jti.split('.')[0])
  t.same((await client.poll(id, { ack: [jti] })).json(), { sets: {}, moreAvailable: false })
  t.same((await client.poll(id)).json(), { sets: {}, moreAvailable: false })
})

t.test('each of the two events of a changed password is acknowledged by itself', async t => {
  const { app, client, id } = await withStream(t)
  const ada = await signUp(app)
  const change = { email: ada.email, current_password: PASSWORD, new_password: `${PASSWORD} 2`, transport: 'body' }
  t.equal((await post(app, '/auth/change-password', change)).statusCode, 200)
  const one = (await client.poll(id, { maxEvents: 1 })).json()
  const [jti] = Object.keys(one.sets) as [string]
  t.match(jti, /\.session-revoked$/)
  t.equal(one.moreAvailable, true)
  const next = (await client.poll(id, { maxEvents: 1, ack: [jti] })).json()
  const [other] = Object.keys(next.sets) as [string]
  t.match(other, /\.credential-change$/)
  t.equal(next.moreAvailable, false)
  const [a, b] = await Promise.all([client.verify(one.sets[jti]), client.verify(next.sets[other])])
  t.equal(a.txn, b.txn, 'they have the same cause')
  t.match(b.event, { credential_type: 'password', change_type: 'update', initiating_entity: 'user' })
  t.same((await client.poll(id, { ack: [other] })).json().sets, {})
})

t.test('an event that the receiver refuses is not returned again, and its reason is kept', async t => {
  const { app, client, id } = await withStream(t)
  const ada = await signUp(app)
  await app.inject({ method: 'POST', url: '/auth/logout', headers: { authorization: `Bearer ${ada.accessToken}` } })
  const [jti] = Object.keys((await client.poll(id)).json().sets) as [string]
  const setErrs = { [jti]: { err: 'invalid_key', description: 'unknown\r\nkid' } }
  t.same((await client.poll(id, { maxEvents: 0, setErrs })).json(), { sets: {}, moreAvailable: false })
  t.same((await client.poll(id)).json().sets, {})
  t.match(await app.context.db.deliveries.abandoned(id, 10, undefined), [
    { type: 'signed_out', reason: 'the receiver refused it: invalid_key: unknown?kid' },
  ])
})

t.test('the reason why one event of two was refused is kept when the other one is acknowledged later', async t => {
  const { app, client, id } = await withStream(t)
  const ada = await signUp(app)
  const change = { email: ada.email, current_password: PASSWORD, new_password: `${PASSWORD} 2`, transport: 'body' }
  await post(app, '/auth/change-password', change)
  const [one, other] = Object.keys((await client.poll(id)).json().sets) as [string, string]
  const refusal = { maxEvents: 0, setErrs: { [one]: { err: 'invalid_key', description: 'unknown kid' } } }
  await client.poll(id, refusal)
  await client.poll(id, refusal)
  t.same(Object.keys((await client.poll(id)).json().sets), [other], 'what was refused does not come again')
  t.same((await client.poll(id, { ack: [other] })).json().sets, {})
  t.match(await app.context.db.deliveries.abandoned(id, 10, undefined), [
    { type: 'password_changed', reason: 'the receiver refused it: invalid_key: unknown kid' },
  ])
})

t.test('of the verifications of a paused stream only the last one waits', async t => {
  const { clock, client, id } = await withStream(t)
  await client.send('POST', '/ssf/status', { stream_id: id, status: 'paused' })
  for (const state of ['first', 'second', 'third']) {
    t.equal((await client.send('POST', '/ssf/verification', { stream_id: id, state })).statusCode, 204)
    await clock.advance(11)
  }
  await client.send('POST', '/ssf/status', { stream_id: id, status: 'enabled' })
  t.match(await client.drain(id), [{ type: 'verification', event: { state: 'third' } }])
})

t.test('made-up acknowledgements change nothing', async t => {
  const { app, client, id } = await withStream(t)
  const other = await signalClient(app)
  const otherId = (await other.create()).json().stream_id
  const ada = await signUp(app)
  await app.inject({ method: 'POST', url: '/auth/logout', headers: { authorization: `Bearer ${ada.accessToken}` } })
  const [jti] = Object.keys((await client.poll(id)).json().sets) as [string]
  const ack = ['x', `${jti}x`, jti.replace('session-revoked', 'account-purged'), jti.toUpperCase()]
  await client.poll(id, { ack })
  await other.poll(otherId, { ack: [jti] })
  t.same(Object.keys((await client.poll(id)).json().sets), [jti])
  t.equal((await other.poll(id, { ack: [jti] })).statusCode, 404, 'a stream of another client')
})

t.test('a poll waits until an event of any instance is there', async t => {
  const { app, client, id, another } = await withStream(t)
  const other = await another()
  const ada = await signUp(app)
  const waiting = client.poll(id, { returnImmediately: false })
  await app.context.db.ping()
  await other.app.inject({
    method: 'POST',
    url: '/auth/logout',
    headers: { authorization: `Bearer ${ada.accessToken}` },
  })
  t.equal(Object.keys((await waiting).json().sets).length, 1)
})

t.test('a poll that waits ends when the instance stops', async t => {
  const { app, client, id } = await withStream(t)
  const waiting = client.poll(id, { returnImmediately: false })
  // Its request has arrived when the stream was read.
  await app.context.db.ping()
  app.endEndlessAnswers()
  t.same((await waiting).json().sets, {})
  t.same((await client.poll(id, { returnImmediately: false })).json().sets, {}, 'nor does a later one wait')
})

t.test('a paused stream returns nothing, and then everything', async t => {
  const { app, client, id } = await withStream(t, { events_requested: [revoked] })
  const ada = await signUp(app)
  await client.send('POST', '/ssf/status', { stream_id: id, status: 'paused', reason: 'maintenance' })
  await get(app, '/auth/sessions', ada.accessToken)
  await app.inject({ method: 'POST', url: '/auth/logout', headers: { authorization: `Bearer ${ada.accessToken}` } })
  t.same((await client.poll(id)).json(), { sets: {}, moreAvailable: false })
  t.same((await client.send('GET', `/ssf/status?stream_id=${id}`)).json(), {
    stream_id: id,
    status: 'paused',
    reason: 'maintenance',
  })
  await client.send('POST', '/ssf/status', { stream_id: id, status: 'enabled' })
  t.equal((await client.drain(id)).length, 1)
})

t.test('a disabled stream keeps nothing', async t => {
  const { app, client, id } = await withStream(t, { events_requested: [revoked] })
  const ada = await signUp(app)
  const phone = await signIn(app, ada.email)
  const logOut = (token: string) =>
    app.inject({ method: 'POST', url: '/auth/logout', headers: { authorization: `Bearer ${token}` } })
  await logOut(phone.accessToken)
  await client.send('POST', '/ssf/status', { stream_id: id, status: 'disabled' })
  await logOut(ada.accessToken)
  t.same(await client.drain(id), [])
  await client.send('POST', '/ssf/status', { stream_id: id, status: 'enabled' })
  t.same(await client.drain(id), [])
})

t.test('a stream that nobody polls for a week is disabled, and is told so', async t => {
  const { app, clock, client, id, stores } = await withStream(t)
  const { context } = app
  await clock.advance(INACTIVITY_TIMEOUT_SECONDS - 60)
  await disableUnusedStreams(context)
  await client.send('GET', `/ssf/status?stream_id=${id}`)
  await clock.advance(120)
  await disableUnusedStreams(context)
  t.equal((await stores.db.eventReceivers.find(id))!.disabledAt, null, 'it is in use as long as it is managed')
  await clock.advance(INACTIVITY_TIMEOUT_SECONDS)
  await disableUnusedStreams(context)
  t.match(await stores.db.eventReceivers.find(id), { disabledReason: 'it was not polled for 7 days' })
  t.match(await stores.db.deliveries.waiting(id, 10), [{ message: { type: 'stream-updated', status: 'disabled' } }])
})

const revoked = 'https://schemas.openid.net/secevent/caep/event-type/session-revoked'

t.test('made-up names of parts of an event are not stored', async t => {
  const { app, client, id } = await withStream(t)
  const ada = await signUp(app)
  const change = { email: ada.email, current_password: PASSWORD, new_password: `${PASSWORD} 2`, transport: 'body' }
  t.equal((await post(app, '/auth/change-password', change)).statusCode, 200)
  const [jti] = Object.keys((await client.poll(id)).json().sets) as [string]
  const eventId = jti.slice(0, 36)
  const madeUp = ['a', 'b', 'c'].map(letter => `${eventId}.${letter.repeat(64)}`)
  const stored = async () => (await app.context.db.deliveries.ofEvents(id, [eventId])).map(one => one.acknowledged)
  await client.poll(id, { ack: madeUp, setErrs: { [`${eventId}.d`]: { err: 'made_up' } } })
  t.same(await stored(), [null])
  await client.poll(id, { ack: [jti, ...madeUp] })
  t.same(await stored(), [[jti]])
})
