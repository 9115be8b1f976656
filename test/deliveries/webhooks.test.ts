import t, { type Test } from 'tap'
import { GIVE_UP_SECONDS, LEAST_ATTEMPTS } from '../../src/domain/deliveries/back-off.js'
import { abandonedDeliveries, replayEvents } from '../../src/domain/webhooks/replay.js'
import { changeWebhook, createWebhook, getWebhook, rotateWebhookSecret } from '../../src/domain/webhooks/webhooks.js'
import { buildTestApp } from '../support/build-test-app.js'
import { signIn, signUp } from '../support/people.js'
import { startWebhookReceiver } from '../support/webhook-receiver.js'

/** An instance with a webhook that leads to a receiver, for events of these types. */
async function withWebhook(t: Test, types?: string[]) {
  const service = await buildTestApp(t, { DELIVERY_ALLOWED_NETWORKS: 'loopback' })
  const { context } = service.app
  const receiver = await startWebhookReceiver(t, { clock: service.clock.now })
  const { webhook, secret } = await createWebhook(context, { url: receiver.url, types }, 'cli')
  receiver.secret = secret
  return {
    ...service,
    receiver,
    webhook,
    deliver: () => context.dispatcher!.runNow(),
    received: () => receiver.accepted.map(({ type }) => type),
    state: () => getWebhook(context, webhook.id),
  }
}

t.test('a webhook gets each event with the account, signed', async t => {
  const { app, receiver, deliver, state } = await withWebhook(t, ['registered'])
  const { userId, sessionId } = await signUp(app, 'ada@example.com')
  await deliver()
  t.equal(receiver.accepted.length, 1)
  const [{ id, type, data }] = receiver.accepted as [(typeof receiver.accepted)[0]]
  t.equal(type, 'registered')
  t.match(data, {
    event_id: id,
    user_id: userId,
    session_id: sessionId,
    actor: 'user',
    user: { id: userId, email: 'ada@example.com', username: null, external_id: null },
  })
  t.same(receiver.refused, [])
  await deliver()
  t.equal(receiver.arrived.length, 1, 'once')
  t.match(await state(), { backlog: { waiting: 0, oldestAt: null, abandoned: 0 }, failingSince: null })
})

t.test('an event that is refused is sent again with its id, and the later events of its user wait for it', async t => {
  const { app, clock, receiver, deliver, received, state } = await withWebhook(t, ['registered', 'signed_in'])
  const ada = await signUp(app)
  receiver.answer = (response, { data }) => response.writeHead(data.user_id === ada.userId ? 500 : 204).end()
  await deliver()
  await signIn(app, ada.email)
  const bob = await signUp(app)
  await deliver()
  t.same(received(), ['registered'])
  t.equal(receiver.accepted[0]!.data.user_id, bob.userId, 'other users do not wait')
  t.equal(receiver.arrived.filter(({ data }) => data.user_id === ada.userId).length, 1, 'it is not sent again at once')
  t.match(await state(), { backlog: { waiting: 2 } })

  receiver.answer = response => response.writeHead(204).end()
  await deliver()
  t.equal(receiver.accepted.length, 1, 'not before its time')
  await clock.advance(10)
  await deliver()
  t.same(received(), ['registered', 'registered', 'signed_in'], 'in the order in which they happened')
  const ids = receiver.arrived.filter(({ type, data }) => type === 'registered' && data.user_id === ada.userId)
  t.equal(new Set(ids.map(({ id }) => id)).size, 1)
  t.match(await state(), { backlog: { waiting: 0 } })
})

t.test('an event that nothing accepts for three days is given up, and the next one is sent', async t => {
  const { app, clock, receiver, webhook, deliver, received, state } = await withWebhook(t, ['registered', 'signed_in'])
  const { email } = await signUp(app)
  receiver.answer = (response, { type }) => response.writeHead(type === 'registered' ? 400 : 204).end()
  await deliver()
  await signIn(app, email)
  await deliver()
  t.same(received(), [])
  for (let attempt = 0; attempt < LEAST_ATTEMPTS; attempt++) {
    await clock.advance(attempt === 0 ? GIVE_UP_SECONDS : 3600)
    await deliver()
  }
  t.same(received(), ['signed_in'])
  t.match(await state(), { backlog: { waiting: 0, abandoned: 1 } })
  const { deliveries } = await abandonedDeliveries(app.context, webhook.id, { limit: 10 })
  t.match(deliveries, [{ type: 'registered', reason: 'the answer was 400' }])

  receiver.answer = response => response.writeHead(204).end()
  t.match(await replayEvents(app.context, webhook.id, { actor: 'cli' }), { queued: 1, nextCursor: null })
  await deliver()
  t.same(received(), ['signed_in', 'registered'])
  t.match(await state(), { backlog: { waiting: 0, abandoned: 0 } })
})

t.test('nothing is lost while a receiver is down for an hour, and then everything arrives at once', async t => {
  const { app, clock, receiver, deliver, state } = await withWebhook(t, ['registered'])
  await receiver.close()
  for (let i = 0; i < 30; i++) await signUp(app)
  await deliver()
  t.match(await state(), { backlog: { waiting: 30 } })
  const { failures } = (await app.context.db.eventReceivers.all('webhook'))[0]!
  t.ok(failures >= 5 && failures <= 12, `${failures} attempts: the others wait until one succeeds`)
  for (let minute = 0; minute < 60; minute += 10) {
    await clock.advance(600)
    await deliver()
  }
  t.match(await state(), { backlog: { waiting: 30 } })
  const again = await startWebhookReceiver(t, { port: Number(new URL(receiver.url).port), clock: clock.now })
  again.secret = receiver.secret
  await clock.advance(360)
  await deliver()
  t.equal(new Set(again.accepted.map(({ id }) => id)).size, 30)
  t.match(await state(), { backlog: { waiting: 0 }, failingSince: null })
})

t.test('a receiver that answers 410 is disabled and gets nothing more until it is enabled', async t => {
  const { app, receiver, webhook, deliver, state } = await withWebhook(t, ['registered'])
  receiver.answer = response => response.writeHead(410).end()
  await signUp(app)
  await deliver()
  await signUp(app)
  await deliver()
  t.equal(receiver.arrived.length, 1)
  t.match(await state(), { disabledReason: 'the answer was 410 Gone', backlog: { waiting: 1 } })
  const events = await app.context.db.latestEvents.latest({ types: ['webhook_disabled'] }, 10)
  t.match(events, [{ actor: 'system', details: { webhook_id: webhook.id, host: new URL(receiver.url).host } }])

  receiver.answer = response => response.writeHead(204).end()
  await changeWebhook(app.context, webhook.id, { enabled: true }, 'cli')
  await deliver()
  t.equal(receiver.accepted.length, 1, 'what waited')
})

t.test('a redirect to a private address is not followed', async t => {
  const { app, receiver, deliver, state } = await withWebhook(t, ['registered'])
  const secretService = await startWebhookReceiver(t)
  receiver.answer = response => response.writeHead(307, { location: secretService.url }).end()
  await signUp(app)
  await deliver()
  t.equal(receiver.arrived.length, 1)
  t.same([secretService.arrived, secretService.refused], [[], []])
  t.match(await state(), { backlog: { waiting: 1 } })
})

t.test('addresses of the private network get nothing, however they are written', async t => {
  const { app, stores, clock } = await buildTestApp(t)
  const receiver = await startWebhookReceiver(t)
  const { port } = new URL(receiver.url)
  const hosts = [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0.0.0.0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    'localhost',
  ]
  for (const host of hosts) {
    for (const protocol of ['http', 'https'])
      await createWebhook(app.context, { url: `${protocol}://${host}:${port}/`, types: ['registered'] }, 'cli')
  }
  await signUp(app)
  await app.context.dispatcher!.runNow()
  t.same([receiver.arrived, receiver.refused], [[], []])
  const reasons = await stores.db.eventReceivers.all('webhook')
  t.ok(reasons.every(({ failures }) => failures === 1))
  for (let attempt = 0; attempt < LEAST_ATTEMPTS; attempt++) {
    await clock.advance(attempt === 0 ? GIVE_UP_SECONDS : 3600)
    await app.context.dispatcher!.runNow()
  }
  for (const { id } of reasons) {
    const { deliveries } = await abandonedDeliveries(app.context, id, { limit: 1 })
    t.match(deliveries, [{ reason: /private or reserved/ }])
  }
})

t.test('for a day a message also has the signature of the earlier secret', async t => {
  const { app, clock, receiver, webhook, deliver } = await withWebhook(t, ['registered'])
  const earlier = receiver.secret
  receiver.secret = await rotateWebhookSecret(app.context, webhook.id, {}, 'cli')
  await signUp(app)
  await deliver()
  receiver.secret = earlier
  await signUp(app)
  await deliver()
  t.equal(receiver.accepted.length, 2)
  await clock.advance(25 * 60 * 60)
  await signUp(app)
  await deliver()
  t.equal(receiver.accepted.length, 2)
  t.equal(receiver.refused.length, 1, 'only the new secret signs')
})

t.test('events from a time on can be sent again', async t => {
  const { app, clock, receiver, webhook, deliver, received } = await withWebhook(t, ['registered', 'signed_in'])
  const { email } = await signUp(app)
  await clock.advance(60)
  const since = new Date(clock.now())
  await clock.advance(60)
  await signIn(app, email)
  await deliver()
  t.match(await replayEvents(app.context, webhook.id, { since, actor: 'cli' }), { queued: 1, nextCursor: null })
  await deliver()
  t.same(received(), ['registered', 'signed_in', 'signed_in'])
  t.equal(receiver.accepted[1]!.id, receiver.accepted[2]!.id)
})

t.test('of two instances one sends, and the other one goes on when the first is gone', async t => {
  const { app, clock, database, receiver, another, ...one } = await withWebhook(t, ['registered'])
  const other = await another()
  const users = await Promise.all(Array.from({ length: 20 }, () => signUp(app)))
  await Promise.all([one.deliver(), other.app.context.dispatcher!.runNow()])
  t.equal(receiver.arrived.length, users.length, 'nothing was sent twice')

  // As after kill -9: the lease of an instance that no longer exists.
  const gone = '00000000-0000-7000-8000-0000000000aa'
  const { admin } = database
  await admin`update event_receivers set lease_holder = ${gone}, leased_until = now() + interval '30 s'`
  await signUp(app)
  await one.deliver()
  t.equal(receiver.arrived.length, users.length)
  await clock.advance(31)
  await other.app.context.dispatcher!.runNow()
  t.equal(receiver.arrived.length, users.length + 1)
})
