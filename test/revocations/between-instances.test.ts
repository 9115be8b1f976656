import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { setRoles } from '../../src/domain/accounts/administer-users.js'
import { revokeSigningKey } from '../../src/domain/keys/rotate-signing-key.js'
import { signOutEveryone } from '../../src/domain/sessions/end-many-sessions.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { until } from '../support/eventually.js'
import {
  get,
  PASSWORD,
  type Person,
  post,
  refresh,
  refreshWithTicket,
  signIn,
  signUp,
  verify,
} from '../support/people.js'
import { startRedis } from '../support/servers/own-redis.js'

const logOut = ({ app }: TestApp, { accessToken }: Person, scope = 'session') =>
  post(app, '/auth/logout', { scope }, { authorization: `Bearer ${accessToken}` })

/** Generous, because the machine may be busy. The measured times are printed. */
const TIMEOUT_MS = 5000

/** The milliseconds until an instance answers this for a token. Throws after five seconds. */
async function msUntil({ app }: TestApp, accessToken: string, wanted: string): Promise<number> {
  const start = performance.now()
  while ((await verify(app, accessToken)) !== wanted) {
    if (performance.now() - start > TIMEOUT_MS) throw new Error(`not ${wanted} within five seconds`)
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  return performance.now() - start
}

async function twoInstances(t: Test, overrides: NodeJS.ProcessEnv = {}): Promise<[TestApp, TestApp]> {
  const a = await buildTestApp(t, overrides)
  return [a, await a.another()]
}

t.test('after a logout at one instance, the other refuses the token with a median delay below 300 ms', async t => {
  const [a, b] = await twoInstances(t)
  const delays: number[] = []
  const ada = await signUp(a.app)
  for (let times = 0; times < 25; times++) {
    const people = await Promise.all(Array.from({ length: 8 }, () => signIn(a.app, ada.email)))
    for (const person of people) {
      t.equal((await logOut(a, person)).statusCode, 204)
      delays.push(await msUntil(b, person.accessToken, 'token_revoked'))
    }
  }
  delays.sort((x, y) => x - y)
  const [median, worst] = [delays[delays.length / 2]!, delays.at(-1)!]
  t.comment(`${delays.length} logouts: median ${median.toFixed(1)} ms, worst ${worst.toFixed(1)} ms`)
  t.ok(median < 300)
  t.ok(worst < TIMEOUT_MS)
})

t.test('every kind of revocation reaches the other instance', async t => {
  const [a, b] = await twoInstances(t)
  const { context } = a.app

  await t.test('a logout everywhere revokes the access token at the other instance', async t => {
    const ada = await signUp(a.app)
    await logOut(a, ada, 'all')
    t.ok((await msUntil(b, ada.accessToken, 'token_revoked')) < TIMEOUT_MS)
  })

  await t.test('a change of password revokes the access token at the other instance', async t => {
    const ada = await signUp(a.app)
    const change = { email: ada.email, current_password: PASSWORD, new_password: 'another passphrase altogether' }
    await post(a.app, '/auth/change-password', change)
    t.ok((await msUntil(b, ada.accessToken, 'token_revoked')) < TIMEOUT_MS)
  })

  await t.test('reusing a refresh token revokes the access token at the other instance', async t => {
    const ada = await signUp(a.app)
    const next = (await refresh(a.app, ada.refreshToken)).json()
    await a.clock.advance(31)
    await refresh(a.app, next.refresh_token)
    t.equal((await refreshWithTicket(a.app, ada.refreshToken)).json().code, 'refresh_token_reused')
    t.ok((await msUntil(b, next.access_token, 'token_revoked')) < TIMEOUT_MS)
  })

  await t.test(
    'a change of roles makes access tokens stale at both instances, and a refresh gives the new roles',
    async t => {
      const ada = await signUp(a.app)
      await setRoles(context, ada.email, ['editor'], 'test')
      t.ok((await msUntil(b, ada.accessToken, 'token_stale')) < TIMEOUT_MS)
      t.equal(await verify(a.app, ada.accessToken), 'token_stale')
      const response = await refresh(b.app, ada.refreshToken)
      t.strictSame(response.json().user.roles, ['editor'])
      t.equal(await verify(b.app, response.json().access_token), 200, 'even within the same second')
      t.equal((await get(a.app, '/auth/verify?role=editor', response.json().access_token)).statusCode, 200)
    },
  )

  await t.test(
    'revoking a signing key makes its access tokens stale at both instances and keeps the sessions',
    async t => {
      const ada = await signUp(a.app)
      t.equal(await verify(b.app, ada.accessToken), 200, 'the other instance verified it before the revocation')
      const { kid } = JSON.parse(Buffer.from(ada.accessToken.split('.')[0]!, 'base64url').toString())
      await revokeSigningKey(context, kid, 'cli')
      await msUntil(b, ada.accessToken, 'token_stale')
      for (const { app } of [a, b]) {
        t.notMatch((await app.inject('/.well-known/jwks.json')).body, kid)
        t.equal(await verify(app, ada.accessToken), 'token_stale')
      }
      const response = await refresh(b.app, ada.refreshToken)
      t.equal(response.statusCode, 200, 'the session is still valid')
      for (const { app } of [a, b]) t.equal(await verify(app, response.json().access_token), 200)
      const restarted = await a.another()
      t.equal(await verify(restarted.app, ada.accessToken), 'token_stale', 'also after a restart')
    },
  )

  await t.test('signing out everyone revokes all tokens at both instances, but no later sign-in', async t => {
    const people = await Promise.all([signUp(a.app), signUp(b.app)])
    await signOutEveryone(context, 'test')
    for (const person of people) {
      t.ok((await msUntil(b, person.accessToken, 'token_revoked')) < TIMEOUT_MS)
      t.equal(await verify(a.app, person.accessToken), 'token_revoked')
      t.equal((await refresh(b.app, person.refreshToken)).json().code, 'session_revoked')
    }
    const again = await signIn(b.app, people[0]!.email)
    for (const { app } of [a, b])
      t.equal(await verify(app, again.accessToken), 200, 'a sign-in right after it is valid')
    t.equal((await refresh(a.app, again.refreshToken)).statusCode, 200)
  })
})

t.test('a revocation that commits after later ones were read is still read', async t => {
  const [a, b] = await twoInstances(t)
  const [early, late] = await Promise.all([signUp(a.app), signUp(a.app)])
  await a.database.admin.begin(async sql => {
    // Its id is the lower one, and it is not visible yet.
    await sql`insert into revocations (kind, subject, reason, expires_at)
      values ('session', ${late.sessionId}, 'logout', now() + interval '1 hour')`
    await logOut(a, early)
    await msUntil(b, early.accessToken, 'token_revoked')
    for (let polls = 0; polls < 2; polls++) await b.app.context.revocations.readJournal()
    t.equal(await verify(b.app, late.accessToken), 200)
  })
  await b.app.context.revocations.readJournal()
  t.equal(await verify(b.app, late.accessToken), 'token_revoked')
})

t.test('while Redis is down, a logout reaches the other instance within seconds through the journal', async t => {
  const redis = await startRedis(t)
  const [a, b] = await twoInstances(t, { REDIS_URL: redis.url })
  const ada = await signUp(a.app)
  await redis.stop()
  t.equal((await logOut(a, ada)).statusCode, 204)
  const delay = await msUntil(b, ada.accessToken, 'token_revoked')
  t.comment(`${delay.toFixed(0)} ms`)
})

t.test('after Redis loses its data, the blacklist is restored and no revoked token is accepted meanwhile', async t => {
  const redis = await startRedis(t)
  const [a, b] = await twoInstances(t, { REDIS_URL: redis.url })
  const people = await Promise.all(Array.from({ length: 5 }, () => signUp(a.app)))
  for (const person of people) await logOut(a, person)
  const client = new Redis(redis.url)
  t.teardown(() => client.disconnect())
  const revokedKeys = async () => (await client.keys('*:revoked:session:*')).length

  for (const { app } of [a, b]) await app.context.revocations.readJournal()
  await until(async () => (await revokedKeys()) === people.length, 'the blacklist is complete')
  await client.flushall()
  for (const person of people) t.equal(await verify(b.app, person.accessToken), 'token_revoked')
  await a.app.context.revocations.readJournal()
  await until(async () => (await revokedKeys()) === people.length, 'it is complete again after FLUSHALL')

  // A snapshot without the newest entries; its old watermark shows that they are missing.
  const snapshot = await dump(client)
  const late = await signUp(a.app)
  await logOut(a, late)
  await b.app.context.revocations.readJournal()
  await a.app.context.revocations.readJournal()
  await until(async () => (await revokedKeys()) === people.length + 1, 'the new entry is there')
  await restore(client, snapshot)
  await a.app.context.revocations.readJournal()
  await until(
    async () => (await revokedKeys()) === people.length + 1,
    'it is complete again after an old snapshot was restored',
  )
  t.equal(await verify(b.app, late.accessToken), 'token_revoked')
})

t.test('an instance that starts while Redis is down knows all earlier revocations', async t => {
  const redis = await startRedis(t)
  const a = await buildTestApp(t, { REDIS_URL: redis.url })
  const ada = await signUp(a.app)
  await logOut(a, ada)
  await redis.stop()
  const b = await a.another()
  t.equal(await verify(b.app, ada.accessToken), 'token_revoked')
})

t.test('an instance receives revocations that happen while it starts', async t => {
  const a = await buildTestApp(t)
  const people = await Promise.all(Array.from({ length: 60 }, () => signUp(a.app)))
  let isStarted = false
  const starting = a.another().finally(() => {
    isStarted = true
  })
  const gone: Person[] = []
  while (!isStarted && gone.length < people.length) {
    const person = people[gone.length]!
    await logOut(a, person)
    gone.push(person)
  }
  const b = await starting
  t.ok(gone.length > 1, `${gone.length} signed out meanwhile`)
  // It read the journal when it started, and cannot read it again now.
  await a.database.admin.begin(async transaction => {
    await transaction`lock table revocations in access exclusive mode`
    for (const { accessToken } of gone)
      await until(async () => (await verify(b.app, accessToken)) === 'token_revoked', 'it received the logout')
  })
})

type Snapshot = (readonly [key: string, value: Buffer, ttlMs: number])[]

async function dump(client: Redis): Promise<Snapshot> {
  const keys = await client.keys('*')
  return Promise.all(keys.map(async key => [key, (await client.dumpBuffer(key))!, await client.pttl(key)] as const))
}

/** Restores a snapshot in Redis in one step, as a restart from it would. */
async function restore(client: Redis, snapshot: Snapshot): Promise<void> {
  const back = client.multi().flushall()
  for (const [key, value, ttlMs] of snapshot) back.restore(key, Math.max(ttlMs, 0), value)
  await back.exec()
}
