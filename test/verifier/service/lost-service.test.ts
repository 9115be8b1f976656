import t from 'tap'
import { buildTestApp } from '../../support/build-test-app.js'
import { makeClient } from '../../support/clients.js'
import { until } from '../../support/eventually.js'
import { externalStores } from '../../support/external-stores.js'
import { HttpClient } from '../../support/http-client.js'
import { PASSWORD, post, signUp } from '../../support/people.js'
import { startService } from '../../support/service-process.js'
import { knownVerdict, startVerifier, verdict } from '../verifiers.js'

t.test('a service that was killed and started again is followed again, and everything is known', async t => {
  const { env } = await externalStores(t)
  // Another instance on the same stores, through which the test acts.
  const { app, config } = await buildTestApp(t, env)
  const client = await makeClient(app, 'revocations')
  const first = await startService(t, { env })
  const verifier = startVerifier(t, {
    issuer: config.issuer,
    baseUrl: first.url,
    client: { id: client.id, secret: client.secret },
  })
  await verifier.ready()
  const [ada, bob, eve] = await Promise.all([signUp(app), signUp(app), signUp(app)])
  for (const { accessToken } of [ada, bob, eve]) t.equal(await verdict(verifier.verify(accessToken)), 'valid')
  await post(app, '/auth/logout', { refresh_token: ada.refreshToken })
  await until(() => knownVerdict(verifier, ada.accessToken) === 'token_revoked')

  t.equal(await first.kill(), 'SIGKILL')
  await post(app, '/auth/logout', { refresh_token: bob.refreshToken })
  t.equal(knownVerdict(verifier, ada.accessToken), 'token_revoked')
  t.equal(knownVerdict(verifier, eve.accessToken), 'valid', 'nobody is refused without cause')
  t.equal(await verdict(verifier.verify((await signUp(app)).accessToken)), 'valid', 'nor a token that is new')
  await until(() => verifier.status().lastError !== undefined)

  await startService(t, { env: { ...env, PORT: new URL(first.url).port } })
  await until(() => knownVerdict(verifier, bob.accessToken) === 'token_revoked')
  t.equal(knownVerdict(verifier, eve.accessToken), 'valid')
  await until(() => verifier.status().lastError === undefined)
})

t.test('a service that stops in good order hands its verifier over without a problem', async t => {
  const { env } = await externalStores(t)
  const { app, config } = await buildTestApp(t, env)
  const client = await makeClient(app, 'revocations')
  const first = await startService(t, { env })
  const credentials = { id: client.id, secret: client.secret }
  const verifier = startVerifier(t, { issuer: config.issuer, baseUrl: first.url, client: credentials })
  await verifier.ready()
  const ada = await signUp(app)
  t.equal(await verdict(verifier.verify(ada.accessToken)), 'valid')
  t.equal(await first.stop(), 0, 'an open feed does not delay the end')
  const next = await startService(t, { env: { ...env, PORT: new URL(first.url).port } })
  await until(() => verifier.status().connected)
  t.equal(knownVerdict(verifier, ada.accessToken), 'valid')
  t.equal(await verifier.close(), undefined)
  t.equal(await next.stop(), 0)
})

t.test('an embedded service, reached by its issuer, is followed without any other setting', async t => {
  const { env } = await externalStores(t)
  const service = await startService(t, { env: { ...env, PUBLIC_ORIGIN: undefined } })
  const { app } = await buildTestApp(t, env)
  const http = new HttpClient(service.url)
  t.teardown(() => http.close())
  const { issuer } = (await http.get('/.well-known/oauth-authorization-server')).body
  const client = await makeClient(app, 'revocations')
  const verifier = startVerifier(t, {
    issuer,
    baseUrl: service.url,
    client: { id: client.id, secret: client.secret },
  })
  await verifier.ready()
  const account = { email: 'ada@example.com', password: PASSWORD, transport: 'body' }
  const { body } = await http.post('/auth/register', account)
  t.equal(await verdict(verifier.verify(body.access_token)), 'valid')
  await http.post('/auth/logout', { refresh_token: body.refresh_token })
  await until(() => knownVerdict(verifier, body.access_token) === 'token_revoked')
})
