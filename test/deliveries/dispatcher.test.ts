import t, { type Test } from 'tap'
import { createDispatcher } from '../../src/domain/deliveries/dispatcher.js'
import type { Attempt, Sender } from '../../src/domain/deliveries/sender.js'
import {
  changeWebhook,
  createWebhook,
  disableWebhook,
  getWebhook,
  rotateWebhookSecret,
  testWebhook,
} from '../../src/domain/webhooks/webhooks.js'
import { newId } from '../../src/lib/ids.js'
import type { Delivery } from '../../src/postgres/deliveries.js'
import { buildTestApp } from '../support/build-test-app.js'
import { until } from '../support/eventually.js'
import { signIn, signUp } from '../support/people.js'
import { startWebhookReceiver } from '../support/webhook-receiver.js'

async function withWebhook(t: Test, types: string[]) {
  const service = await buildTestApp(t, { DELIVERY_ALLOWED_NETWORKS: 'loopback' })
  const { context } = service.app
  const receiver = await startWebhookReceiver(t, { clock: service.clock.now })
  const { webhook, secret } = await createWebhook(context, { url: receiver.url, types }, 'cli')
  receiver.secret = secret
  return { ...service, context, receiver, webhook, deliver: () => context.dispatcher!.runNow() }
}

/** A dispatcher that sends with a function instead of requests. */
function dispatcherOf(
  t: Test,
  { context }: Pick<Awaited<ReturnType<typeof withWebhook>>, 'context'>,
  { send, ...options }: { send: (delivery: Delivery) => Promise<Attempt>; laneTurnMs?: number; freshMs?: number },
) {
  const webhook: Sender = { send: (_receiver, delivery) => send(delivery) }
  const dispatcher = createDispatcher({
    db: context.db,
    senders: { webhook, stream: webhook, mail: webhook },
    disable: (receiver, reason) => disableWebhook(context, receiver, reason),
    holder: newId(),
    log: context.log,
    everyMs: 3_600_000,
    ...options,
  })
  t.teardown(() => dispatcher.close())
  return dispatcher
}

t.test('a new address gets at once what waited for its next attempt at the old one', async t => {
  const { app, context, receiver, webhook, deliver } = await withWebhook(t, ['registered', 'signed_in'])
  receiver.answer = response => response.writeHead(500).end()
  const { email } = await signUp(app)
  await deliver()
  await signIn(app, email)
  await deliver()
  t.equal(receiver.arrived.length, 1)
  receiver.answer = response => response.writeHead(204).end()
  await changeWebhook(context, webhook.id, { url: `${receiver.url}/new` }, 'cli')
  await deliver()
  t.same(
    receiver.accepted.map(({ type }) => type),
    ['registered', 'signed_in'],
  )
})

t.test('a webhook that is enabled gets at once what waited, whatever failed before', async t => {
  const { app, context, receiver, webhook, deliver } = await withWebhook(t, ['registered'])
  receiver.answer = response => response.writeHead(503, { 'retry-after': '3600' }).end()
  for (let i = 0; i < 3; i++) await signUp(app)
  await deliver()
  await changeWebhook(context, webhook.id, { enabled: false }, 'cli')
  receiver.answer = response => response.writeHead(204).end()
  await changeWebhook(context, webhook.id, { enabled: true }, 'cli')
  await deliver()
  t.equal(receiver.accepted.length, 3)
  t.match(await getWebhook(context, webhook.id), { failingSince: null, backlog: { waiting: 0 } })
})

t.test('many events that fail at the same moment pause a receiver only for seconds', async t => {
  const { app, context, clock } = await withWebhook(t, ['registered'])
  await context.dispatcher!.close()
  for (let i = 0; i < 8; i++) await signUp(app)
  let attempt: Attempt = { outcome: 'failed', reason: 'the answer was 500' }
  let attempts = 0
  const dispatcher = dispatcherOf(
    t,
    { context },
    {
      async send() {
        attempts++
        return attempt
      },
    },
  )
  await dispatcher.runNow()
  t.equal(attempts, 8)
  attempt = { outcome: 'delivered' }
  await clock.advance(7)
  await dispatcher.runNow()
  t.equal(attempts, 16)
})

t.test('what a receiver asks for with Retry-After is not shortened by another answer of the same moment', async t => {
  const { app, context, clock } = await withWebhook(t, ['registered'])
  await context.dispatcher!.close()
  for (let i = 0; i < 8; i++) await signUp(app)
  let attempts = 0
  const dispatcher = dispatcherOf(
    t,
    { context },
    {
      async send() {
        attempts++
        const retryAfterSeconds = attempts === 1 ? 600 : undefined
        return { outcome: 'failed', reason: 'the answer was 503', retryAfterSeconds }
      },
    },
  )
  await dispatcher.runNow()
  t.equal(attempts, 8)
  await clock.advance(500)
  await dispatcher.runNow()
  t.equal(attempts, 8, 'nothing is sent before')
  await clock.advance(200)
  await dispatcher.runNow()
  t.equal(attempts, 9)
})

t.test('a user with many events lets the others have their turn', async t => {
  const { app, context } = await withWebhook(t, ['registered', 'signed_in'])
  await context.dispatcher!.close()
  const ada = await signUp(app)
  for (let i = 0; i < 3; i++) await signIn(app, ada.email)
  const sent: (string | null)[] = []
  const dispatcher = dispatcherOf(t, { context }, { laneTurnMs: 0, send })
  async function send({ event }: Delivery): Promise<Attempt> {
    sent.push(event!.userId)
    if (sent.length === 1) await signUp(app)
    return { outcome: 'delivered' }
  }
  await dispatcher.runNow()
  t.equal(sent.length, 5)
  t.equal(sent.at(-1), ada.userId, 'the event of the other user did not wait until all of hers were sent')
})

t.test('a webhook that is disabled while its events are sent gets only those that are on their way', async t => {
  const service = await withWebhook(t, ['registered'])
  await service.context.dispatcher!.close()
  for (let i = 0; i < 20; i++) await signUp(service.app)
  let sent = 0
  const dispatcher = dispatcherOf(t, service, {
    async send() {
      sent++
      await changeWebhook(service.context, service.webhook.id, { enabled: false }, 'cli')
      return { outcome: 'delivered' }
    },
    freshMs: -1,
  })
  await dispatcher.runNow()
  t.equal(sent, 8)
})

t.test('an instance whose lease ran out sends nothing more, and another one goes on', async t => {
  const { app, context, database, webhook } = await withWebhook(t, ['registered', 'signed_in'])
  await context.dispatcher!.close()
  const { email } = await signUp(app)
  await signIn(app, email)
  const { now } = performance
  t.teardown(() => {
    performance.now = now
  })
  const sent: string[] = []
  const stopped = dispatcherOf(
    t,
    { context },
    {
      async send({ event }) {
        sent.push(event!.type)
        // The process stood still, and the lease went to another instance.
        performance.now = () => now.call(performance) + 40_000
        await database.admin`
          update event_receivers set lease_holder = ${newId()}, leased_until = now() + interval '30 s'
          where id = ${webhook.id}`
        return { outcome: 'delivered' }
      },
    },
  )
  await stopped.runNow()
  t.same(sent, ['registered'])
  await database.admin`update event_receivers set leased_until = now()`
  const others: string[] = []
  await dispatcherOf(
    t,
    { context },
    {
      async send({ event }) {
        others.push(event!.type)
        return { outcome: 'delivered' }
      },
    },
  ).runNow()
  t.same(others, ['signed_in'])
})

t.test('of two rotations at once, every secret that was shown signs', async t => {
  const { context, receiver, webhook } = await withWebhook(t, ['registered'])
  const rotations = await Promise.allSettled([1, 2].map(() => rotateWebhookSecret(context, webhook.id, {}, 'cli')))
  const shown = rotations.flatMap(rotation => (rotation.status === 'fulfilled' ? [rotation.value] : []))
  t.ok(shown.length > 0)
  for (const secret of shown) {
    receiver.secret = secret
    t.match(await testWebhook(context, webhook.id), { outcome: 'delivered' })
  }
})

t.test('a 410 of the address of before does not disable a webhook that has a new one', async t => {
  const { app, context, receiver, webhook, deliver } = await withWebhook(t, ['registered'])
  const url = new URL('/new', receiver.url).href
  let isFirst = true
  receiver.answer = async response => {
    if (isFirst) await changeWebhook(context, webhook.id, { url }, 'cli')
    response.writeHead(isFirst ? 410 : 204).end()
    isFirst = false
  }
  await signUp(app)
  await deliver()
  await deliver()
  t.match(await getWebhook(context, webhook.id), { disabledAt: null, backlog: { waiting: 0 } })
  t.equal(receiver.accepted.length, 1, 'the new address has the event')
})

t.test('after an error of Postgres nothing is sent until what is on its way has ended', async t => {
  const { app, context } = await withWebhook(t, ['registered'])
  await context.dispatcher!.close()
  await signUp(app)
  const grace = await signUp(app)
  const sent = { ada: 0, grace: 0 }
  let answerAda: (attempt: Attempt) => void = () => {}
  const complete = t.capture(context.db.deliveries, 'complete', async () => {
    throw new Error('the connection was lost')
  })
  const dispatcher = dispatcherOf(t, { context }, { send })
  async function send({ event }: Delivery): Promise<Attempt> {
    if (event!.userId === grace.userId) sent.grace++
    else if (++sent.ada === 1) return new Promise(resolve => (answerAda = resolve))
    return { outcome: 'delivered' }
  }
  const first = dispatcher.runNow()
  await until(() => complete().length > 0, 'the delivery to Grace cannot be recorded')
  complete.restore()
  const second = dispatcher.runNow()
  t.same(sent, { ada: 1, grace: 1 })
  answerAda({ outcome: 'delivered' })
  await Promise.all([first, second])
  await dispatcher.runNow()
  t.same(sent, { ada: 1, grace: 2 })
})

t.test('what the address of before asked for with Retry-After does not hold up the new one', async t => {
  const { app, context, receiver, webhook, deliver } = await withWebhook(t, ['registered'])
  await signUp(app)
  let answerOldAddress: (() => unknown) | undefined
  receiver.answer = async response => {
    await new Promise<void>(resolve => (answerOldAddress = resolve))
    response.writeHead(503, { 'retry-after': '3600' }).end()
  }
  const first = deliver()
  await until(() => answerOldAddress !== undefined, 'the event has arrived at the old address')
  await changeWebhook(context, webhook.id, { url: `${receiver.url}/new` }, 'cli')
  receiver.answer = response => response.writeHead(204).end()
  answerOldAddress!()
  await first
  await deliver()
  t.equal(receiver.accepted.length, 1)
  t.match(await getWebhook(context, webhook.id), { failingSince: null })
})

t.test('a lease that could not be released is released as soon as Postgres answers', async t => {
  const { app, context } = await withWebhook(t, ['registered'])
  await context.dispatcher!.close()
  await signUp(app)
  const lost = async () => {
    throw new Error('the connection was lost')
  }
  const complete = t.capture(context.db.deliveries, 'complete', lost)
  const release = t.capture(context.db.eventReceivers, 'release', lost)
  let sent = 0
  const dispatcher = dispatcherOf(t, { context }, { send })
  async function send(): Promise<Attempt> {
    sent++
    return { outcome: 'delivered' }
  }
  await dispatcher.runNow()
  t.equal(sent, 1)
  complete.restore()
  release.restore()
  await dispatcher.runNow()
  t.equal(sent, 2, 'the event is not kept until the lease ends by itself')
})

t.test('many requests at once cause no warning about listeners', async t => {
  const { app, context } = await withWebhook(t, ['registered'])
  await context.dispatcher!.close()
  await createWebhook(context, { url: 'http://127.0.0.1:1/', types: ['registered'] }, 'cli')
  for (let i = 0; i < 8; i++) await signUp(app)
  const warnings: Error[] = []
  const onWarning = (warning: Error) => warnings.push(warning)
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  let most = 0
  const listening: Sender = {
    async send(_receiver, _delivery, signal) {
      signal.addEventListener('abort', () => {})
      most++
      return { outcome: 'delivered' }
    },
  }
  const dispatcher = createDispatcher({
    ...{ db: context.db, holder: newId(), log: context.log, disable: async () => {}, everyMs: 3_600_000 },
    senders: { webhook: listening, stream: listening, mail: listening },
  })
  t.teardown(() => dispatcher.close())
  await dispatcher.runNow()
  await new Promise(resolve => setImmediate(resolve))
  t.equal(most, 16)
  t.same(warnings, [])
})
