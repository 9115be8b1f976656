import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { until } from '../support/eventually.js'
import { GATEWAYS, startFleet } from '../support/gateways/fleet.js'
import { type Load, useService } from '../support/gateways/user-load.js'
import { HttpClient } from '../support/http-client.js'
import { post, signUp } from '../support/people.js'

// `npm run test:gateways` runs it in full: 200 revocations behind each gateway, more users, and an outage of five minutes.
const IS_FULL = process.env.GATEWAYS === 'all'
const REVOCATIONS = IS_FULL ? 200 : 5
const ROUNDS = IS_FULL ? 3 : 1
/** The number of users behind each gateway. nginx is the hardest case because it does not request /readyz. */
const USERS = IS_FULL ? { nginx: 12, haproxy: 6, caddy: 6 } : { nginx: 6, haproxy: 2, caddy: 2 }
const OUTAGE_MS = IS_FULL ? 300_000 : 2_000
/** The other gateways notice at their next health check that an instance is available again. */
const INTERVAL_MS = 1000

const fleet = await startFleet(t, { EDGE_MAX_STALENESS: IS_FULL ? '6m' : '5s' })
const clients = GATEWAYS.map(name => ({ name, http: new HttpClient(fleet.urls[name]) }))
t.teardown(() => {
  for (const { http } of clients) http.close()
})

t.test('a user signs in below /identity and uses a service as the one who signed in', async t => {
  for (const { name, http } of clients) {
    const ada = await signUp(fleet.app)
    const tokens = await http.post('/identity/auth/refresh', { refresh_token: ada.refreshToken })
    t.equal(tokens.status, 200, name)
    const token = tokens.body.access_token
    const forged = {
      authorization: `Bearer ${token}`,
      'x-auth-subject': 'root',
      x_auth_roles: 'admin',
      'x-forwarded-for': '203.0.113.9',
    }
    const { status, body } = await http.send('GET', '/orders/a%20b?x=%C3%A9', forged)
    t.match({ status, url: body.url }, { status: 200, url: '/orders/a%20b?x=%C3%A9' }, name)
    t.match(body.headers, { 'x-auth-subject': ada.userId, 'x-auth-session': ada.sessionId }, name)
    t.notMatch(JSON.stringify(body.headers), /root|admin|203\.0\.113\.9/, name)
    const [session] = (await http.get('/identity/auth/sessions', token)).body
    t.equal(session.ip, '127.0.0.1', `${name}: Latchkey knows the address of the client`)
    for (const metadata of ['oauth-authorization-server', 'ssf-configuration'])
      t.match(await http.send('GET', `/.well-known/${metadata}/identity`, {}), { status: 200 }, name)
    t.equal((await http.send('HEAD', '/identity/.well-known/jwks.json', {})).status, 200, name)
    const logout = { 'content-type': 'application/json', cookie: '__Host-latchkey=never' }
    t.notMatch((await http.send('GET', '/assets/x', logout)).body.headers, { cookie: /./ }, name)
  }
})

t.test('a token is refused within moments after its session was signed out', async t => {
  for (const { name, http } of clients) {
    const delaysMs: number[] = []
    for (let count = 0; count < REVOCATIONS; count++) {
      const ada = await signUp(fleet.app)
      t.equal((await http.get('/orders', ada.accessToken)).status, 200)
      await http.post('/identity/auth/logout', { refresh_token: ada.refreshToken })
      const start = performance.now()
      await until(async () => (await http.get('/orders', ada.accessToken)).status === 401)
      delaysMs.push(performance.now() - start)
    }
    t.comment(`${name}: signed out → refused, ${delaysMs.length} times: ${summary(delaysMs)}`)
  }
})

t.test('a rolling restart of the service and of the edge fails no request and signs no user out', async t => {
  const load: Load = { stopped: false, wrong: [], answers: 0, delaysMs: [] }
  const users = GATEWAYS.flatMap(name =>
    Array.from({ length: USERS[name] }, (_, i) => useService(t, fleet.urls[name], `${name}${i}`, load)),
  )
  await until(() => load.answers > 100)
  for (let round = 0; round < ROUNDS; round++) {
    for (const index of [0, 1] as const) {
      const [service, edges] = await Promise.all([fleet.restartService(index), fleet.restartEdge(index)])
      t.strictSame([service, ...edges], [0, 0, 0])
      await sleep(INTERVAL_MS)
    }
  }
  const before = load.answers
  await until(() => load.answers > before + 50)
  load.stopped = true
  await Promise.all(users)
  t.same(load.wrong, [])
  t.comment(`${load.answers} requests; signed out → refused meanwhile: ${summary(load.delaysMs)}`)
})

t.test(
  'the service is killed: services work on, what was revoked stays refused, and past the bound the answer is 503',
  async t => {
    const [ada, bob] = await Promise.all([signUp(fleet.app), signUp(fleet.app)])
    await post(fleet.app, '/auth/logout', { refresh_token: bob.refreshToken })
    const statuses = (token: string) =>
      Promise.all(clients.map(async ({ http }) => (await http.get('/orders', token)).status))
    await until(async () => (await statuses(bob.accessToken)).every(status => status === 401))
    await fleet.stopServices('SIGKILL')

    const end = performance.now() + OUTAGE_MS
    let asked = 0
    while (performance.now() < end) {
      t.strictSame(await statuses(ada.accessToken), [200, 200, 200])
      t.strictSame(await statuses(bob.accessToken), [401, 401, 401])
      asked += 6
      await sleep(IS_FULL ? 500 : 50)
    }
    t.comment(`${OUTAGE_MS / 1000} s without the service: ${asked} requests`)

    // The two edges behind a gateway do not become stale at the same moment.
    let rounds = 0
    const isStale = async () => {
      rounds = (await statuses(ada.accessToken)).every(status => status === 503) ? rounds + 1 : 0
      return rounds === 20
    }
    await until(isStale, 'stale', OUTAGE_MS + 60_000)
    for (const { name, http } of clients) {
      const answer = await http.get('/orders', ada.accessToken)
      t.match(answer, { status: 503, body: { code: 'revocations_stale' } }, name)
      t.ok(answer.headers['retry-after'], name)
      t.equal((await http.get('/assets/app.js')).status, 200, `${name}: public routes work`)
    }
    if (!IS_FULL) return
    await fleet.startServices()
    await until(
      async () => (await statuses(ada.accessToken)).every(status => status === 200),
      'the edge follows again',
      60_000,
    )
    t.strictSame(await statuses(bob.accessToken), [401, 401, 401])
  },
)

function summary(valuesMs: number[]): string {
  const sorted = valuesMs.toSorted((a, b) => a - b)
  const at = (index: number) => `${(sorted[index] ?? Number.NaN).toFixed(1)} ms`
  return `median ${at(Math.floor(sorted.length / 2))}, worst ${at(sorted.length - 1)}`
}
