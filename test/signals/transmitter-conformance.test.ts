import { decodeProtectedHeader } from 'jose'
import t, { type Test } from 'tap'
import { MIN_VERIFICATION_INTERVAL_SECONDS } from '../../src/domain/signals/stream-status.js'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient } from '../support/clients.js'
import { PASSWORD, post, signUp } from '../support/people.js'
import { POLL, PUSH, type SignalClient, signalClient, startPushReceiver } from '../support/signals.js'

// What the conformance suite of the OpenID Foundation asks of a transmitter, in its order (docs/shared-signals.md).

const SESSION_REVOKED = 'https://schemas.openid.net/secevent/caep/event-type/session-revoked'
const CREDENTIAL_CHANGE = 'https://schemas.openid.net/secevent/caep/event-type/credential-change'
const UNKNOWN_STREAM = '01920000-0000-7000-8000-000000000000'

async function transmitter(t: Test, overrides: NodeJS.ProcessEnv = {}) {
  const service = await buildTestApp(t, { DELIVERY_ALLOWED_NETWORKS: 'loopback', ...overrides })
  return { ...service, client: await signalClient(service.app) }
}

t.test('metadata', async t => {
  const { app } = await transmitter(t, { PUBLIC_ORIGIN: 'https://id.example.com' })
  const response = await app.inject('/.well-known/ssf-configuration')
  t.match(response.headers['content-type'], /^application\/json/)
  const metadata = response.json()
  t.match(metadata, {
    spec_version: '1_0',
    issuer: 'https://id.example.com',
    delivery_methods_supported: [PUSH, POLL],
    default_subjects: 'ALL',
    authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }, { spec_urn: 'urn:ietf:rfc:6750' }],
  })
  for (const name of ['jwks_uri', 'configuration_endpoint', 'status_endpoint', 'verification_endpoint'])
    t.match(metadata[name], /^https:\/\/id\.example\.com\//, name)
  // Subjects cannot be added or removed, so the endpoints are left out.
  t.notOk('add_subject_endpoint' in metadata || 'remove_subject_endpoint' in metadata)
  t.ok(
    Object.values(metadata).every(value => !Array.isArray(value) || value.length > 0),
    'no empty claims',
  )
  t.equal((await app.inject(new URL(metadata.jwks_uri).pathname)).json().keys[0].use, 'sig')
})

t.test('metadata of an issuer with a path', async t => {
  const { app } = await transmitter(t, { PUBLIC_ORIGIN: 'https://example.com', PUBLIC_PATH: '/id' })
  const response = await app.inject('/.well-known/ssf-configuration/id')
  t.match(response.json(), { issuer: 'https://example.com/id', status_endpoint: 'https://example.com/id/ssf/status' })
})

for (const method of [PUSH, POLL]) {
  const endpoint_url = 'https://receiver.example.com/events'
  const delivery = method === PUSH ? { method, endpoint_url, authorization_header: 'Bearer x' } : { method }

  t.test(`stream control, ${method}`, async t => {
    const { app, client } = await transmitter(t)
    const { issuer } = app.context.config
    const given = { delivery, events_requested: [SESSION_REVOKED, 'urn:example:unknown'], description: 'one' }

    const created = await client.create(given)
    t.equal(created.statusCode, 201)
    const stream = created.json()
    t.match(stream, { iss: issuer, aud: client.id, description: 'one', delivery: { method } })
    t.same(stream.events_requested, given.events_requested)
    t.same(stream.events_delivered, [SESSION_REVOKED], 'unknown types are ignored')
    t.match(stream.stream_id, /^[A-Za-z0-9._~-]+$/)
    t.equal(stream.min_verification_interval, MIN_VERIFICATION_INTERVAL_SECONDS)
    const { stream_id } = stream
    const read = async () => (await client.send('GET', `/ssf/streams?stream_id=${stream_id}`)).json()
    t.same(await read(), stream)
    t.same((await client.send('GET', '/ssf/streams')).json(), [stream])

    const patched = await client.send('PATCH', '/ssf/streams', { stream_id, description: 'two' })
    t.equal(patched.statusCode, 200)
    t.same(patched.json(), { ...stream, description: 'two' }, 'the rest stays')
    t.same(await read(), patched.json())

    const other = { ...patched.json(), delivery, description: 'three', events_requested: [CREDENTIAL_CHANGE] }
    const replaced = await client.send('PUT', '/ssf/streams', other)
    t.equal(replaced.statusCode, 200, 'the present values of the transmitter can be sent back')
    t.match(replaced.json(), { description: 'three', events_delivered: [CREDENTIAL_CHANGE], delivery: { method } })
    t.same(await read(), replaced.json())

    const reduced = await client.send('PUT', '/ssf/streams', {
      stream_id,
      delivery,
      events_requested: [SESSION_REVOKED],
    })
    t.notOk('description' in reduced.json(), 'what is missing is deleted')
    t.same(reduced.json().events_delivered, [SESSION_REVOKED])
    const bare = await client.send('PUT', '/ssf/streams', { stream_id })
    t.equal(bare.json().delivery.method, POLL, 'poll is the default')
    t.notOk('events_requested' in bare.json())

    t.same((await client.send('GET', `/ssf/status?stream_id=${stream_id}`)).json(), { stream_id, status: 'enabled' })
    for (const status of ['paused', 'disabled', 'enabled']) {
      const reason = `because of ${status}`
      const set = await client.send('POST', '/ssf/status', { stream_id, status, reason })
      t.equal(set.statusCode, 200)
      t.same(set.json(), { stream_id, status, reason })
      t.same((await client.send('GET', `/ssf/status?stream_id=${stream_id}`)).json(), { stream_id, status, reason })
    }

    const deleted = await client.send('DELETE', `/ssf/streams?stream_id=${stream_id}`)
    t.equal(deleted.statusCode, 204)
    t.equal((await client.send('GET', `/ssf/streams?stream_id=${stream_id}`)).statusCode, 404)
    t.same((await client.send('GET', '/ssf/streams')).json(), [])
  })
}

t.test('without a delivery the receiver polls, and each stream has its own address', async t => {
  const { client } = await transmitter(t)
  const streams = [await client.create(), await client.create()].map(response => response.json())
  t.same(
    streams.map(({ delivery }) => delivery.method),
    [POLL, POLL],
  )
  t.not(streams[0].delivery.endpoint_url, streams[1].delivery.endpoint_url)
  t.not(streams[0].stream_id, streams[1].stream_id)
})

t.test('a client can have twenty streams', async t => {
  const { client } = await transmitter(t)
  for (let count = 0; count < 20; count++) t.equal((await client.create()).statusCode, 201)
  const refused = await client.create()
  t.equal(refused.statusCode, 409)
  t.equal(refused.json().code, 'too_many_streams')
})

const requests = (stream_id: string): [method: string, url: string, body?: object][] => [
  ['POST', '/ssf/streams', {}],
  ['GET', `/ssf/streams?stream_id=${stream_id}`],
  ['PATCH', '/ssf/streams', { stream_id }],
  ['PUT', '/ssf/streams', { stream_id }],
  ['GET', `/ssf/status?stream_id=${stream_id}`],
  ['POST', '/ssf/status', { stream_id, status: 'paused' }],
  ['POST', '/ssf/verification', { stream_id }],
  ['POST', `/ssf/poll/${stream_id}`, { returnImmediately: true }],
  ['DELETE', `/ssf/streams?stream_id=${stream_id}`],
]

t.test('a client that creates thirty streams at once has twenty', async t => {
  const { client } = await transmitter(t)
  await client.token()
  const created = await Promise.all(Array.from({ length: 30 }, () => client.create()))
  t.equal(created.filter(({ statusCode }) => statusCode === 201).length, 20)
})

t.test('requests without a token, with a wrong one, or with one of another scope are refused', async t => {
  const { app, client } = await transmitter(t)
  const { stream_id } = (await client.create()).json()
  const other = await asClient(app, 'introspect', 'sessions', 'revocations', 'admin')
  for (const [method, url, payload] of requests(stream_id)) {
    const send = (headers: object, address = url) =>
      app.inject({ method: method as 'POST', url: address, headers: { ...headers }, ...(payload && { payload }) })
    const without = await send({})
    t.equal(without.statusCode, 401, `${method} ${url}`)
    t.equal(without.headers['www-authenticate'], 'Bearer')
    const wrong = await send({ authorization: 'Bearer wrong' })
    t.equal(wrong.statusCode, 401)
    t.match(wrong.headers['www-authenticate'], /error="invalid_token"/)
    t.equal((await send(other)).statusCode, 403)
    const token = other.authorization.slice('Bearer '.length)
    t.equal((await send({}, `${url}${url.includes('?') ? '&' : '?'}access_token=${token}`)).statusCode, 401)
  }
})

t.test('streams that do not exist, or belong to another client, are not found', async t => {
  const { app, client } = await transmitter(t)
  const other = await signalClient(app)
  const { stream_id } = (await other.create()).json()
  for (const id of [UNKNOWN_STREAM, 'not-an-id', stream_id])
    for (const [method, url, body] of requests(id).slice(1)) {
      const response = await client.send(method as 'POST', url, body)
      t.equal(response.statusCode, 404, `${method} ${url}`)
    }
  t.same((await client.send('GET', '/ssf/streams')).json(), [])
  t.equal((await other.send('GET', '/ssf/streams')).json().length, 1)
})

t.test('broken bodies and wrong values are refused with 400', async t => {
  const { app, client } = await transmitter(t)
  const { authorization } = await asClient(app, 'signals')
  const { stream_id } = (await client.create()).json()
  for (const method of ['POST', 'PATCH', 'PUT'] as const) {
    const headers = { authorization, 'content-type': 'application/json' }
    const broken = await app.inject({ method, url: '/ssf/streams', headers, payload: ';{ broken' })
    t.equal(broken.statusCode, 400, method)
  }
  const wrong: object[] = [
    { delivery: { method: 'urn:example:pigeon' } },
    { delivery: { method: PUSH } },
    { delivery: { method: PUSH, endpoint_url: 'ftp://example.com' } },
    { delivery: { method: PUSH, endpoint_url: 'https://user:password@example.com' } },
    { delivery: { method: PUSH, endpoint_url: 'https://example.com', authorization_header: 'a\r\nb: c' } },
    { events_requested: SESSION_REVOKED },
    { events_requested: ['urn:\u0000'] },
    { events_requested: ['urn:\ud800'] },
  ]
  for (const body of wrong) {
    t.equal((await client.create(body)).statusCode, 400, JSON.stringify(body))
    t.equal((await client.send('PATCH', '/ssf/streams', { stream_id, ...body })).statusCode, 400)
  }
  const ofTransmitter = [
    { iss: 'https://other.example' },
    { aud: 'other' },
    { events_delivered: [SESSION_REVOKED] },
    { min_verification_interval: 1 },
  ]
  for (const body of ofTransmitter)
    for (const method of ['PATCH', 'PUT'] as const)
      t.equal((await client.send(method, '/ssf/streams', { stream_id, ...body })).statusCode, 400, JSON.stringify(body))
  t.equal((await client.send('POST', '/ssf/status', { stream_id, status: 'asleep' })).statusCode, 400)
  for (const state of ['a\u0000', '\ud800']) {
    const asked = await client.send('POST', '/ssf/verification', { stream_id, state })
    t.equal(asked.statusCode, 400, `a state that cannot be stored: ${JSON.stringify(state)}`)
  }
  t.equal((await client.send('DELETE', '/ssf/streams')).statusCode, 400)
})

t.test('verification over push', async t => {
  const { app, client, clock } = await transmitter(t)
  const receiver = await startPushReceiver(t)
  const delivery = { method: PUSH, endpoint_url: receiver.url, authorization_header: 'Basic Zm9v' }
  const { stream_id } = (await client.create({ delivery })).json()
  t.equal((await verification(client, stream_id, 'a state')).statusCode, 204)
  await app.context.dispatcher!.runNow()
  const [{ token, headers }] = receiver.arrived as [(typeof receiver.arrived)[0]]
  t.equal(headers.authorization, 'Basic Zm9v')
  const sub_id = { format: 'opaque', id: stream_id }
  const set = await client.verify(token)
  t.match(set, { type: 'verification', sub_id, txn: String })
  t.same(set.event, { state: 'a state' })

  const early = await verification(client, stream_id, 'too early')
  t.equal(early.statusCode, 429)
  t.ok(Number(early.headers['retry-after']) <= MIN_VERIFICATION_INTERVAL_SECONDS)
  await clock.advance(MIN_VERIFICATION_INTERVAL_SECONDS)
  t.equal((await verification(client, stream_id)).statusCode, 204)
  await app.context.dispatcher!.runNow()
  t.same((await client.verify(receiver.arrived[1]!.token)).event, {}, 'no state')
})

t.test('verification over poll: poll only, acknowledge only, and both in one request', async t => {
  const { client, clock } = await transmitter(t)
  const { stream_id } = (await client.create()).json()
  const next = async (state: string) => {
    await clock.advance(MIN_VERIFICATION_INTERVAL_SECONDS)
    t.equal((await verification(client, stream_id, state)).statusCode, 204)
  }
  await next('one')
  const polled = (await client.poll(stream_id)).json().sets
  const [jti] = Object.keys(polled) as [string]
  t.match(await client.verify(polled[jti]), { type: 'verification', event: { state: 'one' }, jti })
  t.same(Object.keys((await client.poll(stream_id)).json().sets), [jti], 'not acknowledged')
  t.same((await client.poll(stream_id, { ack: [jti], maxEvents: 0 })).json().sets, {})
  t.same((await client.poll(stream_id)).json().sets, {})

  await next('two')
  const [first] = Object.keys((await client.poll(stream_id, { maxEvents: 1 })).json().sets) as [string]
  await next('three')
  const both = (await client.poll(stream_id, { ack: [first] })).json().sets
  t.match(await client.verify(Object.values<string>(both)[0]!), { event: { state: 'three' } })
  const setErrs = { [Object.keys(both)[0]!]: { err: 'invalid_state', description: 'unexpected' } }
  t.same((await client.poll(stream_id, { setErrs, maxEvents: 0 })).json().sets, {})
  t.same((await client.poll(stream_id)).json().sets, {})

  await next('four')
  const waited = (await client.poll(stream_id, { returnImmediately: false })).json().sets
  t.equal(Object.keys(waited).length, 1, 'a long poll')
})

t.test('a paused stream holds its verification, and a disabled one drops it', async t => {
  const { client, clock } = await transmitter(t)
  const { stream_id } = (await client.create()).json()
  const setStatus = (status: string) => client.send('POST', '/ssf/status', { stream_id, status })
  await setStatus('paused')
  t.equal((await verification(client, stream_id, 'held')).statusCode, 204)
  t.same(await client.drain(stream_id), [])
  await setStatus('enabled')
  t.match(await client.drain(stream_id), [{ type: 'verification', event: { state: 'held' } }])
  await setStatus('disabled')
  await clock.advance(MIN_VERIFICATION_INTERVAL_SECONDS)
  t.equal((await verification(client, stream_id, 'dropped')).statusCode, 204)
  await setStatus('enabled')
  t.same(await client.drain(stream_id), [])
})

t.test('the events of the CAEP interoperability profile, with RS256', async t => {
  const { app, client } = await transmitter(t, { JWT_ALGORITHM: 'RS256' })
  const { stream_id } = (await client.create({ events_requested: [SESSION_REVOKED, CREDENTIAL_CHANGE] })).json()
  const ada = await signUp(app)
  const change = { email: ada.email, current_password: PASSWORD, new_password: `${PASSWORD} 2`, transport: 'body' }
  await post(app, '/auth/change-password', change)
  const { sets } = (await client.poll(stream_id)).json()
  t.equal(Object.keys(sets).length, 2)
  const now = Math.floor(app.context.clock() / 1000)
  for (const token of Object.values<string>(sets)) {
    t.match(decodeProtectedHeader(token), { alg: 'RS256', typ: 'secevent+jwt', kid: String })
    const { iat, sub_id, event, txn } = await client.verify(token)
    t.ok(iat! <= now)
    t.same(sub_id, { format: 'iss_sub', iss: app.context.config.issuer, sub: ada.userId })
    t.match(event, { event_timestamp: Number, initiating_entity: 'user', reason_admin: { en: /./ } })
    t.type(txn, 'string')
  }
})

function verification(client: SignalClient, stream_id: string, state?: string) {
  return client.send('POST', '/ssf/verification', { stream_id, ...(state !== undefined && { state }) })
}
