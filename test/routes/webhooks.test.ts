import t, { type Test } from 'tap'
import { newId } from '../../src/lib/ids.js'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient, clientToken, makeClient, signUpAdmin } from '../support/clients.js'
import { signIn, signUp } from '../support/people.js'
import { startWebhookReceiver } from '../support/webhook-receiver.js'

/** The service, a receiver, and a function that calls the routes of webhooks as a client with the scope `admin`. */
async function start(t: Test) {
  const test = await buildTestApp(t, { DELIVERY_ALLOWED_NETWORKS: 'loopback' })
  const client = await makeClient(test.app, 'admin')
  const send = async (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, payload?: object) => {
    const headers = { authorization: `Bearer ${await clientToken(test.app, client)}` }
    return test.app.inject({ method, url: `/admin/webhooks${path}`, headers, ...(payload && { payload }) })
  }
  const receiver = await startWebhookReceiver(t, { clock: test.clock.now })
  const create = async (body: object = {}) => {
    const created = await send('POST', '', { url: receiver.url, ...body })
    receiver.secret = created.json().secret
    return created.json().id as string
  }
  return { ...test, send, receiver, create, deliver: () => test.app.context.dispatcher!.runNow() }
}

t.test('a webhook is created, listed, shown, changed and removed, and its secret is shown once', async t => {
  const { send, receiver, database } = await start(t)
  const created = await send('POST', '', { url: receiver.url, types: ['registered', 'signed_in', 'registered'] })
  t.match(created, { statusCode: 201, headers: { 'cache-control': 'no-store' } })
  const { id, secret, ...described } = created.json()
  t.match(secret, /^whsec_[\w+/]{43}=$/)
  t.match(described, { url: receiver.url, types: ['registered', 'signed_in'] })

  const shown = await send('GET', `/${id}`)
  t.strictSame(shown.json(), {
    id,
    ...described,
    waiting: 0,
    oldest_at: null,
    abandoned: 0,
    succeeded_at: null,
    failing_since: null,
    disabled_at: null,
    disabled_reason: null,
  })
  t.strictSame((await send('GET', '')).json(), { webhooks: [shown.json()] })
  t.strictSame((await send('GET', `/${id.toUpperCase()}`)).json(), shown.json())

  const changed = await send('PATCH', `/${id}`, { url: 'https://hooks.example/a', types: null })
  t.match(changed.json(), { url: 'https://hooks.example/a', types: null, disabled_at: null })
  t.match((await send('PATCH', `/${id}`, { enabled: false })).json(), {
    url: 'https://hooks.example/a',
    disabled_reason: 'an administrator disabled it',
  })
  t.match((await send('PATCH', `/${id}`, { enabled: true })).json(), { disabled_at: null, disabled_reason: null })

  t.match(await send('DELETE', `/${id}`), { statusCode: 204, body: '' })
  t.match((await send('DELETE', `/${id}`)).json(), { code: 'webhook_not_found' })
  t.same((await send('GET', '')).json(), { webhooks: [] })
  const stored = await database.admin`select events::text as text from security_events as events`
  t.notMatch(JSON.stringify(stored), secret)
})

t.test('what cannot be used is refused with its field', async t => {
  const { send, create } = await start(t)
  const id = await create()
  const refused: [body: object, code: string, field: string][] = [
    [{ url: 'ftp://hooks.example/' }, 'invalid_webhook', 'url'],
    [{ url: 'nowhere' }, 'invalid_webhook', 'url'],
    [{ url: 'https://me:secret@hooks.example/' }, 'invalid_webhook', 'url'],
    [{ url: 'https://hooks.example/#a' }, 'invalid_webhook', 'url'],
    [{ url: 'https://hooks.example/', types: ['everything'] }, 'invalid_webhook', 'types'],
    [{ url: 'https://hooks.example/', types: [] }, 'invalid_request', 'types'],
    [{ url: `https://hooks.example/${'a'.repeat(2100)}` }, 'invalid_request', 'url'],
  ]
  for (const [body, code, field] of refused) {
    t.match((await send('POST', '', body)).json(), { code, errors: [{ field }] })
    t.match((await send('PATCH', `/${id}`, body)).json(), { code, errors: [{ field }] })
  }
  t.match((await send('POST', '', {})).json(), { code: 'invalid_request', errors: [{ field: 'url' }] })
  t.match((await send('PATCH', `/${id}`, {})).json(), { code: 'invalid_request' })
  for (const [method, path] of [
    ['GET', ''],
    ['PATCH', ''],
    ['DELETE', ''],
    ['POST', '/secret'],
    ['POST', '/test'],
    ['GET', '/failed'],
    ['POST', '/replay'],
  ] as const) {
    const body = method === 'PATCH' ? { enabled: true } : undefined
    t.match(await send(method, `/${newId()}${path}`, body), { statusCode: 404 }, `${method} ${path}`)
    t.match((await send(method, `/urn:uuid:x${path}`, body)).json(), { code: 'invalid_request' }, `${method} ${path}`)
  }
})

t.test('only administrators reach the routes, and each change names its actor', async t => {
  const { app, create, receiver, database } = await start(t)
  const id = await create()
  const user = await signUp(app)
  const admin = await signUpAdmin(app)
  const routes = [
    ['POST', '', { url: receiver.url }],
    ['GET', ''],
    ['GET', `/${id}`],
    ['PATCH', `/${id}`, { types: null }],
    ['POST', `/${id}/secret`],
    ['POST', `/${id}/test`],
    ['GET', `/${id}/failed`],
    ['POST', `/${id}/replay`],
    ['DELETE', `/${id}`],
  ] as const
  for (const [method, path, payload] of routes) {
    const send = (headers: Record<string, string>) =>
      app.inject({ method, url: `/admin/webhooks${path}`, headers, ...(payload && { payload }) })
    t.match((await send({})).json(), { code: 'authentication_required' })
    t.match((await send({ authorization: `Bearer ${user.accessToken}` })).json(), { code: 'insufficient_role' })
    t.match((await send(await asClient(app, 'revocations'))).json(), { code: 'insufficient_scope' })
    t.ok((await send({ authorization: `Bearer ${admin.accessToken}` })).statusCode < 300, `${method} ${path}`)
  }
  const events = await database.admin`
    select type from security_events where type like 'webhook%' and actor = ${admin.userId} order by at, id`
  t.same(
    events.map(({ type }) => type),
    ['webhook_created', 'webhook_changed', 'webhook_secret_rotated', 'webhook_replayed', 'webhook_removed'],
  )
})

t.test('a test message is sent at once, also to a disabled webhook, and its outcome is the answer', async t => {
  const { send, receiver, create } = await start(t)
  const id = await create({ types: ['registered'] })
  await send('PATCH', `/${id}`, { enabled: false })
  const outcome = async () => (await send('POST', `/${id}/test`)).json()
  t.strictSame(await outcome(), { outcome: 'delivered', reason: null })
  t.match(receiver.accepted, [{ type: 'test', data: { user: null } }])
  receiver.answer = response => response.writeHead(302, { location: '/' }).end()
  t.strictSame(await outcome(), { outcome: 'failed', reason: 'the answer was 302, and redirects are not followed' })
  receiver.answer = response => response.writeHead(410).end()
  t.strictSame(await outcome(), { outcome: 'gone', reason: 'the answer was 410 Gone' })
  await receiver.close()
  t.match(await outcome(), { outcome: 'failed', reason: /ECONNREFUSED/ })
  await send('PATCH', `/${id}`, { url: 'http://10.1.2.3/' })
  t.match(await outcome(), { outcome: 'failed', reason: /^10\.1\.2\.3 is private .* DELIVERY_ALLOWED_NETWORKS/ })
  t.match((await send('GET', `/${id}`)).json(), { failing_since: null, abandoned: 0 }, 'nothing is counted')
})

t.test('a new secret signs at once, and the earlier one for a day or not at all', async t => {
  const { send, receiver, create } = await start(t)
  const id = await create()
  const earlier = receiver.secret
  const isAccepted = async (secret: string) => {
    receiver.secret = secret
    return (await send('POST', `/${id}/test`)).json().outcome === 'delivered'
  }
  const rotate = async (body?: object) => (await send('POST', `/${id}/secret`, body)).json().secret as string
  const second = await rotate()
  t.not(second, earlier)
  t.same([await isAccepted(second), await isAccepted(earlier)], [true, true])
  const third = await rotate({ immediately: true })
  t.same(await Promise.all([third, second, earlier].map(isAccepted)).then(() => isAccepted(third)), true)
  t.same([await isAccepted(second), await isAccepted(earlier)], [false, false])
})

t.test('what was given up is listed in pages, and replayed', async t => {
  const { app, database, send, receiver, create, deliver } = await start(t)
  const id = await create({ types: ['registered'] })
  // Nothing is sent in the background meanwhile.
  await database.admin`update event_receivers set paused_until = 'infinity'`
  const users: string[] = []
  for (let i = 0; i < 5; i++) users.push((await signUp(app)).userId)
  t.match((await send('GET', `/${id}`)).json(), { waiting: 5, oldest_at: /Z$/ })
  await database.admin`update deliveries set abandoned_at = now(), attempts = 12, reason = 'the answer was 500'`
  t.match((await send('GET', `/${id}`)).json(), { waiting: 0, oldest_at: null, abandoned: 5 })

  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page: { deliveries: { attempts: number; user_id: string }[]; next_cursor: string | null } = (
      await send('GET', `/${id}/failed?limit=2${cursor && `&cursor=${cursor}`}`)
    ).json()
    for (const delivery of page.deliveries) {
      t.match(delivery, { type: 'registered', attempts: 12, reason: 'the answer was 500' })
      seen.push(delivery.user_id)
    }
    cursor = page.next_cursor
  }
  t.same(seen.toSorted(), users.toSorted())
  for (const wrong of ['abc', '-1', '1'.repeat(19)])
    t.match((await send('GET', `/${id}/failed?cursor=${wrong}`)).json(), { errors: [{ field: 'cursor' }] })

  t.strictSame((await send('POST', `/${id}/replay`)).json(), { queued: 5, next_cursor: null })
  await database.admin`update event_receivers set paused_until = null`
  await deliver()
  t.equal(receiver.accepted.length, 5)
  t.match((await send('GET', `/${id}`)).json(), { waiting: 0, abandoned: 0, failing_since: null })
  t.same((await send('GET', `/${id}/failed`)).json(), { deliveries: [], next_cursor: null })
})

t.test('a replay from a time on sends what happened since, and refuses what is no time or cursor', async t => {
  const { app, clock, send, receiver, create, deliver } = await start(t)
  const { email } = await signUp(app)
  await clock.advance(60)
  const since = new Date(clock.now()).toISOString()
  await clock.advance(60)
  await signIn(app, email)
  const id = await create({ types: ['registered', 'signed_in'] })
  t.strictSame((await send('POST', `/${id}/replay`, { since })).json(), { queued: 1, next_cursor: null })
  await deliver()
  t.match(receiver.accepted, [{ type: 'signed_in' }])
  const forged = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url')
  for (const body of [
    { since: 'yesterday' },
    { since: '2026-06-30T23:59:60Z' },
    { since: '0000-01-01T00:00:00Z' },
    { since: '9999-12-31T23:59:59-23:59' },
    { cursor: 'x' },
    { cursor: forged('2026-02-30 00:00:00+00', newId(), '2026-01-01 00:00:00+00') },
    { cursor: forged('0000-01-01 00:00:00+00', newId(), '2026-01-01 00:00:00+00') },
    { cursor: forged('2026-01-01 00:00:00+00', newId(), '2026-01-01 00:00:00+99') },
    { cursor: forged('2026-01-01 00:00:00+00', 'x', '2026-01-01 00:00:00+00') },
    { cursor: forged('2026-99-01 00:00:00+00', newId(), '2026-01-01 00:00:00+00') },
    { cursor: forged(null) },
    { since, cursor: 'given-up' },
  ])
    t.match(await send('POST', `/${id}/replay`, body), { statusCode: 400 }, JSON.stringify(body))
})

t.test('clients without the scope are not told which webhooks exist', async t => {
  const { app, create } = await start(t)
  const id = await create()
  const { basic } = await makeClient(app, 'admin')
  const answer = await app.inject({ url: `/admin/webhooks/${id}`, headers: { authorization: basic } })
  t.equal(answer.statusCode, 401)
})
