import t, { type Test } from 'tap'
import { verifyClientToken } from '../../src/domain/clients/client-token.js'
import { removeClient } from '../../src/domain/clients/clients.js'
import { LEAST_ATTEMPTS } from '../../src/domain/deliveries/back-off.js'
import { decryptAuthorization } from '../../src/domain/signals/stream.js'
import { pushToken } from '../../src/domain/signals/stream-sender.js'
import { createStream } from '../../src/domain/signals/streams.js'
import { buildTestApp } from '../support/build-test-app.js'
import { signIn, signUp } from '../support/people.js'
import { PUSH, signalClient, startPushReceiver } from '../support/signals.js'

const AUTHORIZATION = 'Bearer a token that only the receiver knows'

/** An instance with a stream whose events are pushed to a receiver. */
async function withPushes(t: Test, overrides: NodeJS.ProcessEnv = { DELIVERY_ALLOWED_NETWORKS: 'loopback' }) {
  const service = await buildTestApp(t, overrides)
  const { app } = service
  const receiver = await startPushReceiver(t)
  const client = await signalClient(app)
  const delivery = { method: PUSH, endpoint_url: receiver.url, authorization_header: AUTHORIZATION }
  const created = await client.create({ delivery })
  t.equal(created.statusCode, 201, created.body)
  const logOut = (accessToken: string) =>
    app.inject({ method: 'POST', url: '/auth/logout', headers: { authorization: `Bearer ${accessToken}` } })
  return {
    ...service,
    receiver,
    client,
    stream: created.json(),
    id: created.json().stream_id as string,
    logOut,
    deliver: () => app.context.dispatcher!.runNow(),
    waiting: async () => (await app.context.db.deliveries.backlogs([created.json().stream_id])).values().next().value!,
  }
}

t.test('an event is pushed as a signed token, with the header of the receiver', async t => {
  const { app, receiver, client, stream, logOut, deliver, waiting } = await withPushes(t)
  t.same(stream.delivery, { method: PUSH, endpoint_url: receiver.url }, 'the header is not shown')
  const ada = await signUp(app)
  await logOut(ada.accessToken)
  await deliver()
  t.equal(receiver.arrived.length, 1)
  const [{ token, headers }] = receiver.arrived as [(typeof receiver.arrived)[0]]
  t.match(headers, {
    authorization: AUTHORIZATION,
    'content-type': 'application/secevent+jwt',
    accept: 'application/json',
  })
  t.match(await client.verify(token), { type: 'session-revoked', sub_id: { session: { id: ada.sessionId } } })
  await deliver()
  t.equal(receiver.arrived.length, 1, 'once')
  t.match(await waiting(), { waiting: 0, abandoned: 0 })
})

t.test('the header is encrypted in the database', async t => {
  const { app, database, id } = await withPushes(t)
  const [row] = await database.admin`select secrets, settings::text from event_receivers`
  t.notMatch(row!.secrets.toString('latin1'), /only the receiver knows/)
  t.notMatch(row!.settings, /only the receiver knows/)
  const stream = (await app.context.db.eventReceivers.find(id))!
  t.equal(decryptAuthorization(stream, app.context.secrets), AUTHORIZATION)
})

t.test('a receiver that sends back what it has read keeps its header, and a new address does not get it', async t => {
  const { app, receiver, client, stream, id } = await withPushes(t)
  const header = async () => decryptAuthorization((await app.context.db.eventReceivers.find(id))!, app.context.secrets)
  t.equal((await client.send('PUT', '/ssf/streams', stream)).statusCode, 200)
  t.equal(await header(), AUTHORIZATION)
  const delivery = { method: PUSH, endpoint_url: `${receiver.url}/other` }
  t.equal((await client.send('PATCH', '/ssf/streams', { stream_id: id, delivery })).statusCode, 200)
  t.equal(await header(), undefined)
})

t.test('only 202 is a receipt; everything else is sent again with the same jti', async t => {
  const { app, clock, receiver, client, logOut, deliver, waiting } = await withPushes(t)
  receiver.answer = response => response.writeHead(200).end()
  const ada = await signUp(app)
  await logOut(ada.accessToken)
  await deliver()
  t.match(await waiting(), { waiting: 1 })
  receiver.answer = response => response.writeHead(202).end()
  await clock.advance(10)
  await deliver()
  t.match(await waiting(), { waiting: 0 })
  const sets = await Promise.all(receiver.arrived.map(({ token }) => client.verify(token)))
  t.equal(sets.length, 2)
  t.equal(sets[0]!.jti, sets[1]!.jti)
})

t.test('an event that the receiver refuses is given up after a few attempts, with its reason', async t => {
  const { app, clock, receiver, client, id, logOut, deliver, waiting } = await withPushes(t)
  const ada = await signUp(app)
  const phone = await signIn(app, ada.email)
  receiver.answer = async (response, token) => {
    const { sub_id } = await client.verify(token)
    const isRefused = (sub_id as unknown as { session: { id: string } }).session.id === phone.sessionId
    response.writeHead(isRefused ? 400 : 202, { 'content-type': 'application/json' })
    response.end(isRefused ? '{"err":"invalid_request","description":"no such session"}' : '')
  }
  await logOut(phone.accessToken)
  await logOut(ada.accessToken)
  for (let attempt = 0; attempt < LEAST_ATTEMPTS; attempt++) {
    t.match(await waiting(), { waiting: 2 }, 'the later event of the user waits')
    await deliver()
    await clock.advance(3600)
  }
  await deliver()
  t.match(await waiting(), { waiting: 0, abandoned: 1 })
  t.match(await app.context.db.deliveries.abandoned(id, 10, undefined), [
    { type: 'signed_out', attempts: LEAST_ATTEMPTS, reason: /invalid_request: no such session/ },
  ])
})

t.test('nothing is pushed to an address of the private network', async t => {
  const { app, receiver, logOut, deliver, waiting } = await withPushes(t, {})
  const ada = await signUp(app)
  await logOut(ada.accessToken)
  await deliver()
  t.same(receiver.arrived, [])
  t.match(await waiting(), { waiting: 1 })
})

t.test('a paused stream is pushed nothing until it is enabled, and a disabled one never', async t => {
  const { app, receiver, client, id, logOut, deliver } = await withPushes(t)
  const setStatus = (status: string) => client.send('POST', '/ssf/status', { stream_id: id, status })
  const ada = await signUp(app)
  const phone = await signIn(app, ada.email)
  await setStatus('paused')
  await logOut(phone.accessToken)
  await deliver()
  t.equal(receiver.arrived.length, 0)
  await setStatus('enabled')
  await deliver()
  t.equal(receiver.arrived.length, 1)
  await setStatus('disabled')
  await logOut(ada.accessToken)
  await setStatus('enabled')
  await deliver()
  t.equal(receiver.arrived.length, 1)
})

t.test('a receiver whose stream is disabled by the service is told so', async t => {
  const { app, clock, receiver, client, id, logOut, deliver, stores } = await withPushes(t)
  receiver.answer = response => response.writeHead(503).end()
  const ada = await signUp(app)
  await logOut(ada.accessToken)
  await deliver()
  await clock.advance(8 * 24 * 60 * 60)
  await deliver()
  t.ok((await stores.db.eventReceivers.find(id))!.disabledAt)
  const last = await client.verify(receiver.arrived.at(-1)!.token)
  t.match(last, { type: 'stream-updated', sub_id: { format: 'opaque', id }, event: { status: 'disabled' } })
  t.match(await app.context.db.latestEvents.latest({ types: ['stream_disabled'] }, 10), [
    { actor: 'system', details: { stream_id: id, client_id: client.id, host: new URL(receiver.url).host } },
  ])
})

t.test('the streams of a client that is removed are removed with it', async t => {
  const { app, receiver, id, client, logOut, deliver, stores } = await withPushes(t)
  const ada = await signUp(app)
  await logOut(ada.accessToken)
  const { name } = (await stores.db.clients.find(client.id))!
  // A request to create a stream that began before.
  const principal = await verifyClientToken(app.context, await client.token())
  await removeClient(app.context, name, 'cli')
  await t.rejects(createStream(app.context, principal, {}), { code: 'token_revoked' })
  await deliver()
  t.equal(receiver.arrived.length, 0)
  t.equal(await stores.db.eventReceivers.find(id), undefined)
  t.match((await stores.db.deliveries.backlogs([id])).get(id), { waiting: 0, abandoned: 0 })
})

t.test(
  'what failed in an outage is sent at once when the receiver asks for a verification or changes the stream',
  async t => {
    const { app, clock, receiver, client, id, logOut, deliver, waiting } = await withPushes(t)
    const asks = {
      verification: () => client.send('POST', '/ssf/verification', { stream_id: id }),
      change: () => client.send('PATCH', '/ssf/streams', { stream_id: id, description: 'works again' }),
      status: () => client.send('POST', '/ssf/status', { stream_id: id, status: 'enabled' }),
    }
    for (const [name, ask] of Object.entries(asks)) {
      receiver.answer = response => response.writeHead(500).end()
      for (let user = 0; user < 2; user++) await logOut((await signUp(app)).accessToken)
      for (let attempt = 0; attempt < 20; attempt++) {
        await deliver()
        await clock.advance(400)
      }
      t.match(await waiting(), { waiting: 2 })
      receiver.answer = response => response.writeHead(202).end()
      t.ok((await ask()).statusCode < 300)
      await deliver()
      t.match(await waiting(), { waiting: 0 }, `after ${name}`)
    }
  },
)

t.test(
  'a receiver that is told that its stream is disabled, and never answers, does not keep an instance from stopping',
  async t => {
    const { app, clock, receiver, client, logOut, deliver } = await withPushes(t)
    receiver.answer = response => response.writeHead(503).end()
    await logOut((await signUp(app)).accessToken)
    await deliver()
    await clock.advance(8 * 24 * 60 * 60)
    const isTold = new Promise<void>(resolve => {
      receiver.answer = async (response, token) => {
        if ((await client.verify(token)).type === 'stream-updated') resolve()
        else response.writeHead(503).end()
      }
    })
    const delivering = deliver()
    await isTold
    const startedAt = performance.now()
    await app.context.dispatcher!.close()
    t.ok(performance.now() - startedAt < 4000, 'it has two seconds')
    await delivering
  },
)

t.test('the reason of a push that failed names every address, and can be stored', async t => {
  const { app, id } = await withPushes(t)
  const { context } = app
  const stream = (await context.db.eventReceivers.find(id))!
  const error = new AggregateError([new Error('refused by ::1'), new Error('a name with \u0000 in it')])
  const poster = { ...context.poster, post: () => Promise.reject(error) }
  const attempt = await pushToken({ poster, secrets: context.secrets }, stream, { jti: 'x', token: 'x' })
  t.same(attempt, { outcome: 'failed', reason: 'refused by ::1; a name with   in it' })
})
