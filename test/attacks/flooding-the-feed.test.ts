import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { newId } from '../../src/lib/ids.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { clientToken, makeClient } from '../support/clients.js'
import { until } from '../support/eventually.js'
import { follow, followWithoutReading } from '../support/feed-follower.js'
import { post, signUp, verify } from '../support/people.js'
import { listen } from '../support/raw-request.js'

async function start(t: Test, settings: NodeJS.ProcessEnv = {}) {
  const test = await buildTestApp(t, settings)
  const port = await listen(test.app)
  const token = await clientToken(test.app, await makeClient(test.app, 'revocations'))
  return { ...test, port, url: `http://127.0.0.1:${port}`, token }
}

const followers = ({ app }: Pick<TestApp, 'app'>) => app.context.feed.counts.followers

async function addRevocations({ database, app }: TestApp, count: number): Promise<void> {
  await database.admin`
    insert into revocations (kind, subject, reason, expires_at)
    select 'session', gen_random_uuid(), 'logout', now() + interval '1 hour' from generate_series(1, ${count})`
  await app.context.revocations.readJournal()
}

t.test('more followers than allowed are refused with a time to wait, and the others stay', async t => {
  const test = await start(t, { FEED_MAX_FOLLOWERS: '20' })
  const { url, token, app } = test
  const all = Array.from({ length: 300 }, () => follow(t, { url, token }))
  const statuses = await Promise.all(all.map(follower => follower.answered()))
  t.equal(statuses.filter(status => status === 200).length, 20)
  const refused = all.filter(({ status }) => status === 503)
  t.equal(refused.length, 280)
  for (const { body, headers } of refused) {
    t.match(JSON.parse(body), { code: 'too_many_followers', status: 503 })
    t.ok(Number(headers['retry-after']) >= 0)
  }
  t.equal(followers(test), 20)
  const ada = await signUp(app)
  await post(app, '/auth/logout', { refresh_token: ada.refreshToken })
  const accepted = all.filter(({ status }) => status === 200)
  await until(() => accepted.every(({ sessionIds }) => sessionIds.includes(ada.sessionId)))
  for (const follower of accepted.slice(0, 5)) follower.close()
  await until(() => followers(test) === 15)
  t.equal(await follow(t, { url, token }).answered(), 200, 'a place that is left is given again')
})

t.test('a client that takes all places cannot keep other clients out', async t => {
  const test = await start(t, { FEED_MAX_FOLLOWERS: '20' })
  const { url, token, app } = test
  const flood = Array.from({ length: 40 }, (_, n) =>
    follow(t, { url, token, query: n < 10 ? {} : { verifier: newId() } }),
  )
  await Promise.all(flood.map(follower => follower.answered()))
  t.equal(followers(test), 20)
  const other = await clientToken(app, await makeClient(app, 'revocations'))
  const orders = Array.from({ length: 5 }, () => follow(t, { url, token: other, query: { verifier: newId() } }))
  for (const follower of orders) await follower.complete()
  const again = Array.from({ length: 40 }, () => follow(t, { url, token, query: { verifier: newId() } }))
  for (const follower of again) t.equal(await follower.answered(), 503)
  t.equal(followers(test), 20)
  const ada = await signUp(app)
  await post(app, '/auth/logout', { refresh_token: ada.refreshToken })
  await until(() => orders.every(({ sessionIds }) => sessionIds.includes(ada.sessionId)))
  t.notOk(orders.some(({ isEnded }) => isEnded))
})

t.test('connections that break at any moment leave no place taken', async t => {
  const test = await start(t, { FEED_MAX_FOLLOWERS: '1000' })
  const { port, token } = test
  for (let n = 0; n < 200; n++) {
    const socket = followWithoutReading(t, port, token, n % 2 === 0 ? `?verifier=${newId()}` : '')
    setTimeout(() => (n % 3 === 0 ? socket.end() : socket.destroy()), n % 40)
  }
  await sleep(100)
  await until(() => followers(test) === 0, 'no followers')
  await until(async () => {
    const [row] = await test.database.admin`select count(*)::int as n from verifiers where disconnected_at is null`
    return row!.n === 0
  }, 'no verifier that looks connected')
  const rest = Array.from({ length: 5 }, () => follow(t, { url: test.url, token }))
  t.strictSame(await Promise.all(rest.map(follower => follower.answered())), [200, 200, 200, 200, 200])
})

t.test('a follower that does not read is disconnected, and holds up nobody', { timeout: 90_000 }, async t => {
  const test = await start(t)
  const { app, port, token, url } = test
  // More than the system buffers for a connection.
  await addRevocations(test, 120_000)
  const stuck = followWithoutReading(t, port, token)
  await until(() => followers(test) === 1)
  const reader = await follow(t, { url, token }).complete()
  t.equal(reader.revocations.length, app.context.revocations.list.size)
  const ada = await signUp(app)
  await post(app, '/auth/logout', { refresh_token: ada.refreshToken })
  await until(() => reader.sessionIds.includes(ada.sessionId))
  t.equal(await verify(app, ada.accessToken), 'token_revoked')
  for (let look = 0; look < 300 && followers(test) > 1; look++) await sleep(100)
  t.same(app.context.feed.counts, { followers: 1, verifiers: 0, disconnectedAsSlow: 1 })
  stuck.resume()
  await once(stuck, 'close')
  t.notOk(reader.isEnded)
})

t.test('a giant or malicious id, name or parameter is refused or ignored', async t => {
  const { app, token, url } = await start(t)
  const authorization = `Bearer ${token}`
  const huge = follow(t, { url, token, lastEventId: '9'.repeat(30_000) })
  t.equal(await huge.answered(), 200)
  await huge.complete()
  t.match(huge.start, { isSnapshot: true })
  const tooLarge = follow(t, { url, token, lastEventId: '9'.repeat(40_000) })
  t.equal(await tooLarge.answered(), 431)
  for (const lastEventId of ["1:1'; drop table revocations; --", '1.5:99999999999999999999', '0:0', '__proto__:1'])
    t.match((await follow(t, { url, token, lastEventId }).complete()).start, { isSnapshot: true }, lastEventId)
  for (const query of [
    `name=${encodeURIComponent('x\r\nset-cookie: a=b')}`,
    `name=${encodeURIComponent('<script>')}`,
    `verifier=${encodeURIComponent("' or 1=1")}`,
    `verifier=${newId()}%0d%0aevil:1`,
    'max_staleness=1e999',
    'max_staleness=-5',
  ]) {
    const { statusCode, headers, body } = await app.inject({
      url: `/auth/revocations?${query}`,
      headers: { authorization },
    })
    t.equal(statusCode, 400, query)
    t.notMatch([JSON.stringify(headers), body], [/set-cookie|evil/])
  }
})
