import t from 'tap'
import { buildTestApp } from '../../support/build-test-app.js'
import { until } from '../../support/eventually.js'
import { startFaultProxy } from '../../support/fault-proxy.js'
import { post, signUp } from '../../support/people.js'
import { knownVerdict, startVerifier, verdict } from '../verifiers.js'
import { followService } from './follow-service.js'

t.test('after a receipt no verifier accepts the token; a cut-off verifier is named, and catches up', async t => {
  const service = await buildTestApp(t)
  const { app, config } = service
  const { verifier: first, client, url } = await followService(t, service, { name: 'first' })
  const gateway = await startFaultProxy(t, { target: url })
  const second = startVerifier(t, {
    issuer: config.issuer,
    baseUrl: gateway.url.replace(/\/$/, ''),
    client: { id: client.id, secret: client.secret },
    name: 'second',
  })
  await second.ready()
  const logOut = (refreshToken: string, wait: number) =>
    post(app, '/auth/logout', { refresh_token: refreshToken }, { prefer: `wait=${wait}` })

  for (let n = 0; n < 10; n++) {
    const user = await signUp(app)
    for (const verifier of [first, second]) t.equal(await verdict(verifier.verify(user.accessToken)), 'valid')
    const answer = await logOut(user.refreshToken, 10)
    t.equal(answer.statusCode, 204, answer.body)
    t.equal(answer.headers['preference-applied'], 'wait=10')
    for (const verifier of [first, second]) t.equal(knownVerdict(verifier, user.accessToken), 'token_revoked')
  }

  const user = await signUp(app)
  for (const verifier of [first, second]) t.equal(await verdict(verifier.verify(user.accessToken)), 'valid')
  gateway.blackHole()
  const answer = await logOut(user.refreshToken, 1)
  t.equal(answer.statusCode, 202)
  t.match(answer.body, 'second')
  t.notMatch(answer.body, '"first"')
  await gateway.heal()
  gateway.reset()
  await until(() => knownVerdict(second, user.accessToken) === 'token_revoked')
})

t.test('a verifier that was closed is not waited for', async t => {
  const service = await buildTestApp(t)
  const { app } = service
  const { verifier } = await followService(t, service)
  await verifier.close()
  const user = await signUp(app)
  const answer = await post(app, '/auth/logout', { refresh_token: user.refreshToken }, { prefer: 'wait=5' })
  t.equal(answer.statusCode, 204, answer.body)
})

t.test('what is used at another service counts as activity of its session', async t => {
  const service = await buildTestApp(t)
  const { app, stores } = service
  const { verifier } = await followService(t, service)
  const [used, unused] = [await signUp(app), await signUp(app)]
  await app.context.activity.flush()
  const before = await app.context.activity.lastSeen([used.sessionId, unused.sessionId])
  await verifier.verify(used.accessToken)
  await until(async () => {
    const seen = await app.context.activity.lastSeen([used.sessionId, unused.sessionId])
    return (seen.get(used.sessionId) ?? 0) > (before.get(used.sessionId) ?? 0)
  }, 'the session was seen')
  const after = await app.context.activity.lastSeen([unused.sessionId])
  t.equal(after.get(unused.sessionId), before.get(unused.sessionId))
  t.ok(stores)
  t.equal(verifier.status().lastError, undefined)
})
