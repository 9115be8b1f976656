import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { makeClient } from '../support/clients.js'
import { startEdge } from '../support/edge-process.js'
import { until } from '../support/eventually.js'
import { externalStores } from '../support/external-stores.js'
import { HttpClient } from '../support/http-client.js'
import { post, signUp } from '../support/people.js'
import { startService } from '../support/service-process.js'

t.test(
  'the service is killed: the edge decides on, refuses what was revoked before, and past the bound answers 503',
  async t => {
    const { env } = await externalStores(t)
    // Another instance on the same stores, through which the test acts.
    const { app, config } = await buildTestApp(t, env)
    const client = await makeClient(app, 'revocations')
    const service = await startService(t, { env })
    const edge = await startEdge(t, {
      EDGE_ISSUER: config.issuer,
      EDGE_BASE_URL: service.url,
      EDGE_CLIENT_ID: client.id,
      EDGE_CLIENT_SECRET: client.secret,
      EDGE_MAX_STALENESS: '5s',
      EDGE_NAME: 'edge-of-orders',
    })
    const http = new HttpClient(edge.url)
    t.teardown(() => http.close())
    const verdict = async (token: string) => (await http.get('/auth/verify', token)).body.code ?? 'valid'
    const [ada, bob] = await Promise.all([signUp(app), signUp(app)])
    t.match((await http.get('/auth/verify', ada.accessToken)).headers, {
      'x-auth-subject': ada.userId,
      'x-auth-session': ada.sessionId,
      'x-auth-roles': '',
    })
    t.equal(await verdict(bob.accessToken), 'valid')
    const prefer = { prefer: 'wait=10' }
    const { statusCode } = await post(app, '/auth/logout', { refresh_token: bob.refreshToken }, prefer)
    t.equal(statusCode, 204, 'the edge has confirmed it')
    t.equal(await verdict(bob.accessToken), 'token_revoked')

    t.equal(await service.kill(), 'SIGKILL')
    const { accessToken } = await signUp(app)
    for (let count = 0; count < 20; count++) {
      t.equal(await verdict(ada.accessToken), 'valid', 'nobody is refused without cause')
      t.equal(await verdict(bob.accessToken), 'token_revoked')
      t.equal(await verdict(accessToken), 'valid', 'nor a token that is new')
    }
    await until(async () => (await verdict(ada.accessToken)) === 'revocations_stale')
    t.match(await http.get('/readyz'), { status: 200, body: { status: 'degraded' } })

    await startService(t, { env: { ...env, PORT: new URL(service.url).port } })
    await until(async () => (await verdict(ada.accessToken)) === 'valid')
    t.equal(await verdict(bob.accessToken), 'token_revoked')
    t.equal(await edge.stop(), 0)
  },
)
