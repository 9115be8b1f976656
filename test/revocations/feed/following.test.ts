import t from 'tap'
import { removeClient, rotateClientSecret } from '../../../src/domain/clients/clients.js'
import { signOutEveryone } from '../../../src/domain/sessions/end-many-sessions.js'
import { newId } from '../../../src/lib/ids.js'
import { buildTestApp } from '../../support/build-test-app.js'
import { clientToken, makeClient } from '../../support/clients.js'
import { until } from '../../support/eventually.js'
import { follow } from '../../support/feed-follower.js'
import { type Person, post, signUp } from '../../support/people.js'
import { listen } from '../../support/raw-request.js'

const test = await buildTestApp(t)
const { app } = test
const url = `http://127.0.0.1:${await listen(app)}`
const client = await makeClient(app, 'revocations')
const token = await clientToken(app, client)

const logOut = ({ refreshToken }: Person) => post(app, '/auth/logout', { refresh_token: refreshToken })

t.test('a follower gets what is revoked already, then an id, then each logout as it happens', async t => {
  const [before, after] = [await signUp(app), await signUp(app)]
  await logOut(before)
  const follower = await follow(t, { url, token }).complete()
  t.match(follower.headers, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
    'x-request-id': /./,
  })
  t.match(follower.start, { version: 1, isSnapshot: true })
  t.ok(follower.sessionIds.includes(before.sessionId))
  t.equal(follower.retries.length, 1)
  t.match(follower.events[0], { name: 'start' })
  const first = follower.events.findIndex(({ id }) => id !== undefined)
  t.ok(
    follower.events.slice(0, first).every(({ name }) => name !== 'heartbeat'),
    'the snapshot ends with the id',
  )

  await logOut(after)
  await until(() => follower.sessionIds.includes(after.sessionId))
  t.equal(follower.revocations.filter(({ reason }) => reason === 'logout').length, 1)
})

t.test('there is a heartbeat about every second, which says how fresh the list is', async t => {
  const follower = await follow(t, { url, token }).complete()
  await until(() => follower.heartbeats.length >= 4)
  const { nowMs, timeMs } = follower.start!
  t.ok(Math.abs(timeMs - Date.now()) < 60_000)
  const beats = follower.heartbeats
  for (const [n, { asOfMs }] of beats.entries()) {
    t.ok(asOfMs >= (beats[n - 1]?.asOfMs ?? Number.NEGATIVE_INFINITY), 'time does not run backwards')
    t.ok(asOfMs - nowMs < 60_000 && nowMs - asOfMs < 60_000)
  }
  t.match(beats.at(-1)!.position ?? beats.at(-2)!.position, /^\d+(\.\d+)?\/\d+:\d+:[\d,]*$/)
})

t.test('a follower that comes back gets only what it missed', async t => {
  const [known, missed] = [await signUp(app), await signUp(app)]
  await logOut(known)
  const first = await follow(t, { url, token }).complete()
  await until(() => first.sessionIds.includes(known.sessionId))
  const { length } = first.heartbeats
  await until(() => first.heartbeats.slice(length + 1).some(({ position }) => position !== undefined))
  first.close()
  await logOut(missed)
  const second = await follow(t, { url, token, lastEventId: first.lastEventId }).complete()
  t.match(second.start, { isSnapshot: false })
  await until(() => second.sessionIds.includes(missed.sessionId))
  t.notOk(second.sessionIds.includes(known.sessionId))
})

t.test('an id of another server, of the far past or of no form leads to a snapshot', async t => {
  const ada = await signUp(app)
  await logOut(ada)
  const [serverStart] = (await follow(t, { url, token }).complete()).lastEventId!.split(':')
  for (const lastEventId of ['1.5:7', 'x', `${serverStart}`, `${serverStart}:-1`, 'x'.repeat(20_000)]) {
    const follower = await follow(t, { url, token, lastEventId }).complete()
    t.match(follower.start, { isSnapshot: true }, lastEventId.slice(0, 30))
    t.ok(follower.sessionIds.includes(ada.sessionId))
  }
})

t.test('another instance sends the revocation too, and continues from the id of the first one', async t => {
  const other = await test.another()
  const otherUrl = `http://127.0.0.1:${await listen(other.app)}`
  const here = await follow(t, { url, token }).complete()
  const there = await follow(t, { url: otherUrl, token }).complete()
  const [ada, bea] = [await signUp(app), await signUp(app)]
  await logOut(ada)
  await until(() => here.sessionIds.includes(ada.sessionId) && there.sessionIds.includes(ada.sessionId))
  here.close()
  await logOut(bea)
  const back = await follow(t, { url: otherUrl, token, lastEventId: here.lastEventId }).complete()
  t.match(back.start, { isSnapshot: false })
  await until(() => back.sessionIds.includes(bea.sessionId))
})

t.test('a connection ends within ten seconds after its client may no longer follow', async t => {
  const clients = await Promise.all(Array.from({ length: 4 }, () => makeClient(app, 'revocations')))
  const [removed, rotated, narrowed, kept] = clients as [typeof client, typeof client, typeof client, typeof client]
  const followers = await Promise.all(
    clients.map(async client => follow(t, { url, token: await clientToken(app, client) }).complete()),
  )
  await removeClient(app.context, removed.name, 'test')
  await rotateClientSecret(app.context, rotated.name, 'test')
  await test.database.admin`update clients set scopes = '{introspect}' where id = ${narrowed.id}`
  await until(() => followers.filter(({ isEnded }) => isEnded).length === 3)
  t.strictSame(
    followers.map(({ isEnded }) => isEnded),
    [true, true, true, false],
    kept.name,
  )
})

t.test('a connection does not end when its token expires', async t => {
  const own = await buildTestApp(t)
  const url = `http://127.0.0.1:${await listen(own.app)}`
  const token = await clientToken(own.app, await makeClient(own.app, 'revocations'))
  const follower = await follow(t, { url, token }).complete()
  await own.clock.advance(1000)
  const refused = follow(t, { url, token })
  t.equal(await refused.answered(), 401)
  const { length } = follower.heartbeats
  await until(() => follower.heartbeats.length > length + 7)
  t.notOk(follower.isEnded)
  await signOutEveryone(own.app.context, 'test')
  await until(() => follower.isEnded)
  t.ok(
    follower.revocations.some(({ kind }) => kind === 'realm'),
    'it was sent before',
  )
})

t.test('wrong parameters are refused, unknown ones ignored', async t => {
  const status = async (query: Record<string, string>) => {
    const follower = follow(t, { url, token, query })
    const status = await follower.answered()
    follower.close()
    return status
  }
  for (const query of [
    { verifier: 'x' },
    { verifier: `urn:uuid:${newId()}` },
    { name: '' },
    { name: 'a b' },
    { name: 'x'.repeat(65) },
    { name: 'a\r\nset-cookie: x=1' },
    { max_staleness: '4' },
    { max_staleness: '3601' },
    { max_staleness: '1e3' },
    { max_staleness: '' },
  ])
    t.equal(await status(query), 400, JSON.stringify(query))
  for (const query of [
    { verifier: newId().toUpperCase(), name: 'shop:eu-1.example_2', max_staleness: '5' },
    { max_staleness: '3600' },
    { tomorrow: 'yes' },
  ])
    t.equal(await status(query), 200, JSON.stringify(query))
  t.equal(
    (await app.inject({ url: '/auth/revocations?name=a&name=b', headers: { authorization: `Bearer ${token}` } }))
      .statusCode,
    400,
  )
})

t.test('only GET is allowed', async t => {
  for (const method of ['HEAD', 'POST', 'PUT', 'DELETE'] as const) {
    const { statusCode } = await app.inject({
      method,
      url: '/auth/revocations',
      headers: { authorization: `Bearer ${token}` },
    })
    t.equal(statusCode, 405, method)
  }
})
