import { randomUUID } from 'node:crypto'
import type { Revocation } from '@latchkey/verifier/core'
import { Redis } from 'ioredis'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { type Instance, startInstances } from '../faults/instances.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { controlPostgres } from '../support/controlled-postgres.js'
import { until } from '../support/eventually.js'
import { get, type Person, refresh, refreshed, signIn, signUp, verify } from '../support/people.js'
import { testServers } from '../support/servers/test-servers.js'

// An attacker who can write to the service's Redis can deny service, and nothing else.

const HOUR_MS = 60 * 60 * 1000
const TEN_YEARS_S = 10 * 365 * 86_400

function connect(t: Test): Redis {
  const redis = new Redis(testServers().redisUrl)
  t.teardown(() => redis.disconnect())
  return redis
}

async function twoInstances(t: Test) {
  const a = await buildTestApp(t)
  const b = await a.another()
  const prefix = a.config.redis.keyPrefix
  await follow(a, b)
  return { a, b, redis: connect(t), prefix, news: `${prefix}:revoked:news` }
}

/** Resolves when all instances follow the stream, which is shortly after their start. */
async function follow(...instances: Pick<Instance, 'app' | 'stores'>[]): Promise<void> {
  const entry = newEntry()
  await until(async () => {
    await instances[0]!.stores.ephemeral.publish([entry])
    return instances.every(({ app }) => app.context.revocations.list.covers(entry))
  })
}

/** Resolves when an instance has received an entry of another one by the stream: the journal does not have it. */
async function receives(receiver: Pick<Instance, 'app'>, sender: Pick<Instance, 'stores'>): Promise<void> {
  const entry = newEntry()
  await sender.stores.ephemeral.publish([entry])
  await until(() => receiver.app.context.revocations.list.covers(entry))
}

function claimsOf({ accessToken }: Person): { iat: number; jti: string } {
  return JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString())
}

/** Writes to the stream as an attacker without a key can: without a MAC, and with an invented one. */
async function writeForged(redis: Redis, news: string, entries: object[]): Promise<void> {
  await redis.xadd(news, '*', 'revocations', JSON.stringify(entries))
  await redis.xadd(news, '*', 'revocations', JSON.stringify(entries), 'mac', 'A'.repeat(43))
}

function newEntry(): Revocation {
  return { kind: 'session', subject: randomUUID(), reason: 'logout', expiresAt: Date.now() + HOUR_MS }
}

t.test('a forged sign-out of everyone revokes nothing, even after a restart of Postgres', async t => {
  const server = await controlPostgres(t)
  const instances = await startInstances(t, { postgresUrl: server.url })
  const { a, b } = instances
  await follow(a, b)
  const ada = await signUp(a.app)
  const before = Math.ceil(Date.now() / 1000) + TEN_YEARS_S
  const forged = [
    { kind: 'realm', before, expiresAt: null },
    { kind: 'realm', before, reason: 'signed_out_everyone', expiresAt: Date.now() + HOUR_MS },
    { kind: 'user', subject: ada.userId, before, reason: 'roles_changed', expiresAt: Date.now() + HOUR_MS },
  ]
  await writeForged(connect(t), `${instances.env.REDIS_KEY_PREFIX}:revoked:news`, forged)
  await receives(a, b)
  await receives(b, a)
  for (const { app } of [a, b]) t.equal(await verify(app, ada.accessToken), 200)

  await server.stop()
  await server.start()
  instances.postgres.retarget(server.url)
  await until(async () => (await refresh(b.app, ada.refreshToken)).statusCode === 200)
  for (const { app } of [a, b]) await app.context.revocations.readJournal()
  const again = await signIn(a.app, ada.email)
  t.ok(claimsOf(again).iat <= Date.now() / 1000 + 1, 'new tokens have the current time')

  // Resolves when the background work of both is done.
  for (const instance of [a, b]) await instance.close()
  const admin = postgres(server.url, { max: 1, onnotice: () => {} })
  t.teardown(() => admin.end())
  t.strictSame([...(await admin`select kind from revocations where kind in ('realm', 'user')`)], [])
  t.strictSame([...(await admin`select 1 from realm where not_before > now()`)], [])
  t.strictSame([...(await admin`select 1 from users where tokens_not_before > now()`)], [])
})

t.test('a forged revocation in Redis revokes no token', async t => {
  const { a, b, redis, news } = await twoInstances(t)
  const ada = await signUp(a.app)
  const { jti } = claimsOf(ada)
  const { kid } = JSON.parse(Buffer.from(ada.accessToken.split('.')[0]!, 'base64url').toString())
  const usual = { reason: 'logout', expiresAt: Date.now() + HOUR_MS }
  await writeForged(redis, news, [
    { kind: 'session', subject: ada.sessionId, ...usual },
    { kind: 'user', subject: ada.userId, belowVersion: 1000, ...usual },
    { kind: 'user', subject: ada.userId, before: Math.ceil(Date.now() / 1000) + 1, ...usual },
    { kind: 'token', subject: jti, ...usual },
    { kind: 'key', subject: kid, reason: 'compromised', expiresAt: null },
    { kind: 'realm', before: Math.ceil(Date.now() / 1000) + 1, ...usual },
  ])
  await receives(b, a)
  await receives(a, b)
  for (const { app } of [a, b]) t.equal(await verify(app, ada.accessToken), 200)
})

t.test('malformed stream entries are skipped, and valid entries after them are applied', async t => {
  const { a, b, redis, news } = await twoInstances(t)
  for (const text of ['[null]', 'null', '[[]]', '{}', '[', '', '"x"', '[{"kind":"session"}]', '[{"kind":{}}]'])
    await redis.xadd(news, '*', 'revocations', text)
  await redis.xadd(news, '*', 'other', '[]')
  await redis.xadd(news, '*', 'mac', 'x', 'revocations', '[]')
  await receives(b, a)
  await receives(a, b)
})

t.test('a genuine stream entry that was changed or copied to another stream is ignored', async t => {
  const { a, b, redis, news } = await twoInstances(t)
  const ada = await signUp(a.app)
  const others = await buildTestApp(t)
  const entry: Revocation = { ...newEntry(), kind: 'session', subject: ada.sessionId }
  await others.stores.ephemeral.publish([entry])
  const [[, fields]] = (await redis.xrange(`${others.config.redis.keyPrefix}:revoked:news`, '-', '+')) as [
    [string, string[]],
  ]
  await redis.xadd(news, '*', ...fields)
  await a.stores.ephemeral.publish([newEntry()])
  const [[, [name, text, macName, mac] = []]] = (await redis.xrevrange(news, '+', '-', 'COUNT', 1)) as [
    [string, string[]],
  ]
  const changed = text!.replace(/"subject":"[^"]*"/, `"subject":"${ada.sessionId}"`)
  await redis.xadd(news, '*', name!, changed, macName!, mac!)
  await receives(b, a)
  t.equal(await verify(b.app, ada.accessToken), 200)
})

t.test('the stream of revocations recovers from every manipulation', async t => {
  const { a, b, redis, news } = await twoInstances(t)

  await t.test('the stream recovers from a key of another type in its place', async () => {
    await redis.set(news, 'x')
    await receives(b, a)
    await receives(a, b)
  })

  await t.test('the stream recovers from an entry with the greatest possible id', async () => {
    await redis.del(news)
    await readsBoth(() => redis.xadd(news, '18446744073709551615-18446744073709551615', 'revocations', '[]'))
    await receives(b, a)
    await receives(a, b)
  })

  await t.test('the stream recovers when its ids restart below the last one', async () => {
    await redis.del(news)
    await readsBoth(() => redis.xadd(news, `${Date.now() + HOUR_MS}-0`, 'revocations', '[]'))
    await redis.del(news)
    await receives(b, a)
    await receives(a, b)
  })

  /** Manipulates the stream, and resolves when both instances have counted an untrusted entry. */
  async function readsBoth(forge: () => Promise<unknown>): Promise<void> {
    const counts = () => [a, b].map(({ stores }) => stores.ephemeral.untrustedCount)
    const before = counts()
    await forge()
    await until(() => counts().every((count, n) => count > before[n]!))
  }
})

/** The keys of sightings, in this version and the previous one. */
function sightingKeys(prefix: string, { sessionId }: Person, generation?: number): string[] {
  const suffix = generation === undefined ? '' : `:${generation}`
  return ['seen', 'active'].map(name => `${prefix}:{${sessionId}}:${name}${suffix}`)
}

t.test('a forged sighting in Redis ends no session', async t => {
  const { a, redis, prefix } = await twoInstances(t)
  const [ada, bob] = [await signUp(a.app), await signUp(a.app)]
  const next = await refreshed(a.app, ada.refreshToken)
  await refreshed(a.app, bob.refreshToken)
  await a.clock.advance(300)
  // A genuine sighting of another session, with its MAC.
  a.app.context.activity.record(bob.sessionId, 1)
  await a.app.context.activity.flush()
  const [, genuine] = await redis.mget(sightingKeys(prefix, bob, 1))
  const at = a.clock.now()
  for (const forged of [`${at}`, `${at}.`, `${at}.${'A'.repeat(43)}`, genuine ?? '', `${at + HOUR_MS}`, 'Infinity']) {
    for (const key of sightingKeys(prefix, ada, 1)) await redis.set(key, forged)
    t.equal(await refreshed(a.app, ada.refreshToken), next, `${forged.slice(0, 15)}: late, yet the successor`)
  }
  for (const key of sightingKeys(prefix, ada, 1)) {
    await redis.del(key)
    await redis.lpush(key, 'x')
  }
  t.equal(await refreshed(a.app, ada.refreshToken), next)
})

async function lastActive({ app }: TestApp, { accessToken, sessionId }: Person): Promise<string | number> {
  const response = await get(app, '/auth/sessions', accessToken)
  if (response.statusCode !== 200) return response.statusCode
  return response.json().find(({ id }: { id: string }) => id === sessionId).last_active_at
}

t.test('a forged last activity in Redis is not shown and does not block the genuine one', async t => {
  const { a, b, redis, prefix } = await twoInstances(t)
  const ada = await signUp(a.app)
  await a.clock.advance(60)
  const forgeries = ['abc', '', '-1', '1e99', '9999999999999999', `${Date.now() + 10 * TEN_YEARS_S * 1000}`]
  for (const forged of [...forgeries, ...forgeries.map(text => `${text}.${'A'.repeat(43)}`)]) {
    for (const key of sightingKeys(prefix, ada)) await redis.set(key, forged)
    // The instance that answers has just seen this session itself.
    const shown = await lastActive(a, ada)
    t.ok(Math.abs(Date.parse(`${shown}`) - a.clock.now()) < 30_000, `${forged}: ${shown}`)
    await a.app.context.activity.flush()
    const [session] = await b.app.context.activity.lastSeen([ada.sessionId])
    t.ok(Math.abs((session?.[1] ?? 0) - a.clock.now()) < 30_000, `${forged}: the other instance has the genuine time`)
  }
  for (const key of sightingKeys(prefix, ada)) {
    await redis.del(key)
    await redis.lpush(key, 'x')
  }
  t.type(await lastActive(b, ada), 'string', 'the value is a list instead of a string')
})
