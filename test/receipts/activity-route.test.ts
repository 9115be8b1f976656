import { randomUUID } from 'node:crypto'
import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient, clientToken, makeClient } from '../support/clients.js'
import { post, refreshed, signUp } from '../support/people.js'
import { presentPosition, registerVerifier } from './verifier-over-http.js'

t.test('a report confirms a position, for the client that has the verifier', async t => {
  const { app } = await buildTestApp(t)
  const verifier = await registerVerifier(app)
  t.equal((await verifier.confirm()).statusCode, 204)
  t.match(await app.context.db.receipts.list(1), [{ lagSeconds: 0 }])

  const other = await asClient(app, 'revocations')
  const report = { verifier: verifier.verifierId, position: await presentPosition(app) }
  t.match((await post(app, '/auth/activity', report, other)).json(), { status: 409, code: 'verifier_id_taken' })
  const unknown = { ...report, verifier: randomUUID() }
  t.match((await post(app, '/auth/activity', unknown, other)).json(), { status: 404, code: 'verifier_not_found' })
})

t.test('a client without the scope, a user and an anonymous request are refused', async t => {
  const { app } = await buildTestApp(t)
  const { accessToken } = await signUp(app)
  t.equal((await post(app, '/auth/activity', {}, await asClient(app, 'introspect', 'admin'))).statusCode, 403)
  t.equal((await post(app, '/auth/activity', {}, { authorization: `Bearer ${accessToken}` })).statusCode, 403)
  t.equal((await post(app, '/auth/activity', {})).statusCode, 401)
})

t.test('a malformed report is refused as a whole', async t => {
  const { app } = await buildTestApp(t)
  const verifier = await registerVerifier(app)
  const session = { sid: randomUUID(), gen: 0, at: Date.now() }
  const [serverStart, snapshot] = (await presentPosition(app)).split('/')
  const end = BigInt(snapshot!.split(':')[1]!) + 1000n
  const refused: [object, string][] = [
    [{ position: 'x' }, 'position'],
    [{ position: `${serverStart}/${end}:${end}:` }, 'position'],
    [{ verifier: 'x' }, 'verifier'],
    [{ verifier: undefined, position: await presentPosition(app) }, 'verifier'],
    [{ verifier: undefined, closing: true }, 'verifier'],
    [{ sessions: [{ ...session, at: Math.floor(Date.now() / 1000) }] }, 'sessions.0.at'],
    [{ sessions: [{ ...session, at: Date.now() + 0.5 }] }, 'sessions.0.at'],
    [{ sessions: [{ ...session, gen: -1 }] }, 'sessions.0.gen'],
    [{ sessions: [{ ...session, sid: 'x' }] }, 'sessions.0.sid'],
    [{ sessions: [{ ...session, more: 1 }] }, 'sessions.0.more'],
    [{ sessions: Array.from({ length: 1001 }, () => session) }, 'sessions'],
    [{ more: 1 }, 'more'],
    [{ closing: 'true' }, 'closing'],
  ]
  for (const [body, field] of refused) {
    const answer = await verifier.report(body)
    t.equal(answer.statusCode, 400, JSON.stringify(body).slice(0, 80))
    t.match(answer.json().errors, [{ field }])
  }
  t.strictSame((await verifier.report({ verifier: undefined, position: 'x' })).json().errors, [
    { field: 'verifier', message: 'is required with position and with closing' },
    { field: 'position', message: 'must be the position of a heartbeat of /auth/revocations' },
  ])
  const longest = Array.from({ length: 1000 }, () => session)
  t.equal((await verifier.report({ sessions: longest, position: await presentPosition(app) })).statusCode, 204)
})

t.test('a closing verifier is waited for no longer', async t => {
  const { app } = await buildTestApp(t)
  const verifier = await registerVerifier(app)
  t.match(await app.context.receipts.wait(0), { is: 'pending' })
  t.equal((await verifier.report({ closing: true })).statusCode, 204)
  t.strictSame(await app.context.receipts.wait(0), { is: 'complete' })
})

t.test('reported sessions are recorded as used, within bounds', async t => {
  const { app, clock } = await buildTestApp(t)
  const { activity, reportedSightings } = app.context
  const headers = await asClient(app, 'revocations')
  const report = async (...sessions: object[]) => {
    t.equal((await post(app, '/auth/activity', { sessions }, headers)).statusCode, 204)
    await reportedSightings.settled()
  }
  const seen = async (sid: string) => (await activity.lastSeen([sid])).get(sid)
  const { sessionId: sid } = await signUp(app)

  t.test('from any service, with its time', async t => {
    const at = clock.now() - 30_000
    await report({ sid, gen: 0, at })
    t.equal(await seen(sid), at)
    t.equal(await activity.generationLastSeen(sid, 0), at)
    t.equal(await activity.generationLastSeen(sid, 1), undefined)
  })

  t.test('never in the future', async t => {
    await report({ sid: sid.toUpperCase(), gen: 0, at: clock.now() + 3_600_000 })
    t.ok((await seen(sid))! <= clock.now())
  })

  t.test('a later time is not replaced by an earlier one', async t => {
    const before = await seen(sid)
    await report({ sid, gen: 0, at: clock.now() - 60_000 })
    t.equal(await seen(sid), before)
    await activity.flush()
    await report({ sid, gen: 0, at: clock.now() - 60_000 })
    t.equal(await activity.generationLastSeen(sid, 0), before)
  })

  t.test('not if it is more than five minutes old', async t => {
    const other = await signUp(app)
    await report({ sid: other.sessionId, gen: 0, at: clock.now() - 301_000 })
    t.equal(await seen(other.sessionId), undefined)
  })

  t.test('not for a generation that the session has not reached', async t => {
    const other = await signUp(app)
    await report({ sid: other.sessionId, gen: 1, at: clock.now() })
    t.equal(await seen(other.sessionId), undefined)
    await clock.advance(60)
    await refreshed(app, other.refreshToken)
    await report({ sid: other.sessionId, gen: 1, at: clock.now() })
    t.ok(await activity.generationLastSeen(other.sessionId, 1))
  })

  t.test('not for a session that does not exist, or has ended', async t => {
    const unknown = randomUUID()
    const { sessionId, userId } = await signUp(app)
    const admin = await asClient(app, 'admin')
    await app.inject({ method: 'DELETE', url: `/admin/users/${userId}/sessions`, headers: admin })
    await report({ sid: unknown, gen: 0, at: clock.now() }, { sid: sessionId, gen: 0, at: clock.now() })
    t.equal(await seen(unknown), undefined)
    t.equal(await seen(sessionId), undefined)
  })

  t.test('the report of an unknown verifier counts for the sessions', async t => {
    const { sessionId } = await signUp(app)
    const body = { verifier: randomUUID(), sessions: [{ sid: sessionId, gen: 0, at: clock.now() }] }
    t.equal((await post(app, '/auth/activity', body, headers)).statusCode, 404)
    await reportedSightings.settled()
    t.ok(await seen(sessionId))
  })
})

t.test('a client that is removed can report nothing any more', async t => {
  const { app } = await buildTestApp(t)
  const client = await makeClient(app, 'revocations')
  const authorization = `Bearer ${await clientToken(app, client)}`
  await app.context.db.clients.remove(client.name)
  t.equal((await post(app, '/auth/activity', {}, { authorization })).statusCode, 401)
})
