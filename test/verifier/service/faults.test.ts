import { Redis } from 'ioredis'
import t from 'tap'
import { removeClient, rotateClientSecret } from '../../../src/domain/clients/clients.js'
import { startInstances } from '../../faults/instances.js'
import { makeClient } from '../../support/clients.js'
import { until } from '../../support/eventually.js'
import { startFaultProxy } from '../../support/fault-proxy.js'
import { type Person, post, signIn, signUp } from '../../support/people.js'
import { listen } from '../../support/raw-request.js'
import { testServers } from '../../support/servers/test-servers.js'
import { knownVerdict, startVerifier, type TestVerifier, verdict } from '../verifiers.js'

// Two instances of the real service behind fault proxies, and a verifier that reaches one of them through another proxy.

async function start(t: Parameters<typeof startInstances>[0], maxStalenessSeconds = 60) {
  const instances = await startInstances(t)
  const { a, b } = instances
  const ports = [await listen(a.app), await listen(b.app)]
  const gateway = await startFaultProxy(t, { target: `http://127.0.0.1:${ports[0]}` })
  const client = await makeClient(a.app, 'revocations')
  const { issuer } = a.app.context.config
  const credentials = { id: client.id, secret: client.secret }
  const options = { issuer, baseUrl: gateway.url.replace(/\/$/, ''), client: credentials, maxStalenessSeconds }
  const verifier = startVerifier(t, options)
  await verifier.ready({ timeoutMs: 20_000 })
  return { ...instances, gateway, ports, client, verifier, options }
}

async function known(verifier: TestVerifier, person: Promise<Person>): Promise<Person> {
  const user = await person
  const result = await verdict(verifier.verify(user.accessToken))
  if (result !== 'valid') throw new Error(`a new token is refused: ${result}`)
  return user
}

const logOut = (app: Parameters<typeof post>[0], { refreshToken }: Person) =>
  post(app, '/auth/logout', { refresh_token: refreshToken })
const refused =
  (verifier: TestVerifier, { accessToken }: Person) =>
  () =>
    knownVerdict(verifier, accessToken) === 'token_revoked'

t.test('a logout at another instance reaches the verifier, with Redis and without', async t => {
  const { a, b, redis, verifier } = await start(t)
  const [ada, bob] = [await known(verifier, signUp(a.app)), await known(verifier, signUp(a.app))]
  await logOut(b.app, ada)
  await until(refused(verifier, ada), 'through Redis')
  await redis.refuse()
  await logOut(b.app, bob)
  await until(refused(verifier, bob), 'through the journal')
  t.equal(verifier.status().isFresh, true)
})

t.test('a flushed Redis loses nothing at the verifier', async t => {
  const { a, b, env, verifier } = await start(t)
  const [ada, bob] = [await known(verifier, signUp(a.app)), await known(verifier, signUp(a.app))]
  await logOut(b.app, ada)
  await until(refused(verifier, ada))
  const redis = new Redis(testServers().redisUrl)
  t.teardown(() => redis.disconnect())
  // The server is shared by all tests, so only the keys of this one are deleted.
  const keys = await redis.keys(`${env.REDIS_KEY_PREFIX}*`)
  t.ok(keys.length > 0)
  await redis.del(...keys)
  await logOut(b.app, bob)
  await until(refused(verifier, bob))
  t.equal(knownVerdict(verifier, ada.accessToken), 'token_revoked')
  t.equal(verifier.status().isFresh, true)
})

t.test('the connection is cut in the middle of a snapshot and of an event, and nothing is missed', async t => {
  const { a, gateway, options } = await start(t)
  const people = await Promise.all(Array.from({ length: 8 }, () => signUp(a.app)))
  for (const person of people) await logOut(a.app, person)
  for (const bytes of [900, 1400, 1700, 2000, 2600]) {
    gateway.cutAfter(bytes, 'down')
    const late = startVerifier(t, options)
    await late.ready({ timeoutMs: 20_000 })
    for (const person of people)
      t.equal(await verdict(late.verify(person.accessToken)), 'token_revoked', `after ${bytes} bytes`)
    const next = await known(late, signUp(a.app))
    void gateway.cutAt('"kind":"session"', 'down')
    await logOut(a.app, next)
    await until(refused(late, next), `cut in the event, after ${bytes} bytes`)
    await late.close()
  }
})

t.test(
  'a network that is silent makes the list old, then every token is refused; back again, nothing was missed',
  async t => {
    const { a, gateway, verifier } = await start(t, 5)
    const [ada, bob] = [await known(verifier, signUp(a.app)), await known(verifier, signUp(a.app))]
    gateway.blackHole('down')
    await logOut(a.app, ada)
    t.equal(knownVerdict(verifier, bob.accessToken), 'valid', 'within the bound')
    await until(() => knownVerdict(verifier, bob.accessToken) === 'revocations_stale')
    t.equal(knownVerdict(verifier, ada.accessToken), 'revocations_stale', 'not known here, and not accepted')
    await gateway.heal()
    gateway.reset()
    await until(() => knownVerdict(verifier, bob.accessToken) === 'valid')
    t.equal(knownVerdict(verifier, ada.accessToken), 'token_revoked', 'never accepted again, not even for a moment')
  },
)

t.test('the verifier goes on at another instance, and gets what it missed', async t => {
  const { a, b, gateway, ports, verifier } = await start(t)
  const [ada, bob] = [await known(verifier, signUp(a.app)), await known(verifier, signUp(a.app))]
  gateway.retarget(`http://127.0.0.1:${ports[1]}`)
  await a.close()
  await logOut(b.app, ada)
  await until(refused(verifier, ada))
  t.equal(knownVerdict(verifier, bob.accessToken), 'valid')
  t.equal(verifier.status().isFresh, true)
})

t.test('without Postgres the list grows old, and it is fresh again when Postgres is back', async t => {
  const { a, postgres, redis, verifier } = await start(t, 5)
  const ada = await known(verifier, signUp(a.app))
  await postgres.refuse()
  await redis.refuse()
  await until(() => knownVerdict(verifier, ada.accessToken) === 'revocations_stale')
  await postgres.heal()
  await redis.heal()
  await until(() => knownVerdict(verifier, ada.accessToken) === 'valid')
  const bob = await known(verifier, signIn(a.app, ada.email))
  await logOut(a.app, bob)
  await until(refused(verifier, bob))
})

t.test('a client that was removed is told so, and its verifier refuses everything after the bound', async t => {
  const { a, client, verifier } = await start(t, 5)
  const ada = await known(verifier, signUp(a.app))
  await removeClient(a.app.context, client.name, 'test')
  await until(() => /invalid_client: check `client\.id`/.test(verifier.status().lastError ?? ''))
  t.notMatch(JSON.stringify([verifier.lines, verifier.status()]), client.secret)
  await until(() => knownVerdict(verifier, ada.accessToken) === 'revocations_stale')
  t.equal(verifier.status().connected, false)
})

t.test('a verifier with the previous secret is told so, and one with the new secret follows', async t => {
  const { a, client, verifier, options } = await start(t)
  const { secret } = await rotateClientSecret(a.app.context, client.name, 'test')
  await until(() => /check `client\.id` and `client\.secret`/.test(verifier.status().lastError ?? ''))
  const next = startVerifier(t, { ...options, client: { id: client.id, secret } })
  await next.ready()
  const ada = await known(next, signUp(a.app))
  await logOut(a.app, ada)
  await until(refused(next, ada))
})
