import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import type { Revocation } from '../../src/revocations/revocation.js'
import { type Instance, startInstances } from '../faults/instances.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { until } from '../support/eventually.js'
import { get, type Person, refresh, refreshed, signIn, signUp, verify } from '../support/people.js'
import { controlPostgres } from '../support/process-control.js'
import { testServers } from '../support/servers/test-servers.js'

// Somebody who is not this service can write to its Redis. He can refuse service, and nothing else.

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

/** Resolves when both follow the stream, which is a moment after their start. */
async function follow(...instances: Pick<Instance, 'app' | 'stores'>[]): Promise<void> {
  const told = newEntry()
  await until(async () => {
    await instances[0]!.stores.ephemeral.publish([told])
    return instances.every(({ app }) => app.context.revocations.list.covers(told))
  })
}

/** Resolves when an instance has heard by the stream of what another one tells: no journal has it. */
async function hears(listener: Pick<Instance, 'app'>, speaker: Pick<Instance, 'stores'>): Promise<void> {
  const told = newEntry()
  await speaker.stores.ephemeral.publish([told])
  await until(() => listener.app.context.revocations.list.covers(told))
}

function claimsOf({ accessToken }: Person): { iat: number; jti: string } {
  return JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString())
}

/** Writes to the stream as somebody without a key can: without a MAC, and with one that is made up. */
async function tell(redis: Redis, news: string, entries: object[]): Promise<void> {
  await redis.xadd(news, '*', 'revocations', JSON.stringify(entries))
  await redis.xadd(news, '*', 'revocations', JSON.stringify(entries), 'mac', 'A'.repeat(43))
}

function newEntry(): Revocation {
  return { kind: 'session', subject: randomUUID(), reason: 'logout', expiresAt: Date.now() + HOUR_MS }
}

t.test('a forged end of all tokens ends none, and no restart of Postgres makes it true', async t => {
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
  await tell(connect(t), `${instances.env.REDIS_KEY_PREFIX}:revoked:news`, forged)
  await hears(a, b)
  await hears(b, a)
  for (const { app } of [a, b]) t.equal(await verify(app, ada.accessToken), 200)

  await server.stop()
  await server.start()
  instances.postgres.retarget(server.url)
  await until(async () => (await refresh(b.app, ada.refreshToken)).statusCode === 200)
  for (const { app } of [a, b]) await app.context.revocations.readJournal()
  const again = await signIn(a.app, ada.email)
  t.ok(claimsOf(again).iat <= Date.now() / 1000 + 1, 'new tokens are of now')

  // Ends when what they do in the background is done.
  for (const instance of [a, b]) await instance.close()
  const admin = postgres(server.url, { max: 1, onnotice: () => {} })
  t.teardown(() => admin.end())
  t.strictSame([...(await admin`select kind from revocations where kind in ('realm', 'user')`)], [])
  t.strictSame([...(await admin`select 1 from realm where not_before > now()`)], [])
  t.strictSame([...(await admin`select 1 from users where tokens_not_before > now()`)], [])
})

t.test('a forged revocation refuses no token', async t => {
  const { a, b, redis, news } = await twoInstances(t)
  const ada = await signUp(a.app)
  const { jti } = claimsOf(ada)
  const { kid } = JSON.parse(Buffer.from(ada.accessToken.split('.')[0]!, 'base64url').toString())
  const usual = { reason: 'logout', expiresAt: Date.now() + HOUR_MS }
  await tell(redis, news, [
    { kind: 'session', subject: ada.sessionId, ...usual },
    { kind: 'user', subject: ada.userId, belowVersion: 1000, ...usual },
    { kind: 'user', subject: ada.userId, before: Math.ceil(Date.now() / 1000) + 1, ...usual },
    { kind: 'token', subject: jti, ...usual },
    { kind: 'key', subject: kid, reason: 'compromised', expiresAt: null },
    { kind: 'realm', before: Math.ceil(Date.now() / 1000) + 1, ...usual },
  ])
  await hears(b, a)
  await hears(a, b)
  for (const { app } of [a, b]) t.equal(await verify(app, ada.accessToken), 200)
})

t.test('entries that make no sense are passed, and those after and beside them are heard', async t => {
  const { a, b, redis, news } = await twoInstances(t)
  for (const text of ['[null]', 'null', '[[]]', '{}', '[', '', '"x"', '[{"kind":"session"}]', '[{"kind":{}}]'])
    await redis.xadd(news, '*', 'revocations', text)
  await redis.xadd(news, '*', 'other', '[]')
  await redis.xadd(news, '*', 'mac', 'x', 'revocations', '[]')
  await hears(b, a)
  await hears(a, b)
})

t.test('a genuine entry on another stream, or changed by one letter, is not believed', async t => {
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
  await hears(b, a)
  t.equal(await verify(b.app, ada.accessToken), 200)
})

t.test('whatever is done to the stream, it goes on', async t => {
  const { a, b, redis, news } = await twoInstances(t)

  await t.test('it is of another type', async () => {
    await redis.set(news, 'x')
    await hears(b, a)
    await hears(a, b)
  })

  await t.test('it has the greatest id that there is', async () => {
    await redis.del(news)
    await readsBoth(() => redis.xadd(news, '18446744073709551615-18446744073709551615', 'revocations', '[]'))
    await hears(b, a)
    await hears(a, b)
  })

  await t.test('its ids begin again below the last one', async () => {
    await redis.del(news)
    await readsBoth(() => redis.xadd(news, `${Date.now() + HOUR_MS}-0`, 'revocations', '[]'))
    await redis.del(news)
    await hears(b, a)
    await hears(a, b)
  })

  /** Does something to the stream, and resolves when both instances have seen what is not to be believed. */
  async function readsBoth(forge: () => Promise<unknown>): Promise<void> {
    const counts = () => [a, b].map(({ stores }) => stores.ephemeral.untrustedCount)
    const before = counts()
    await forge()
    await until(() => counts().every((count, n) => count > before[n]!))
  }
})

/** The names under which sightings are and were kept. */
function sightingKeys(prefix: string, { sessionId }: Person, generation?: number): string[] {
  const suffix = generation === undefined ? '' : `:${generation}`
  return ['seen', 'active'].map(name => `${prefix}:{${sessionId}}:${name}${suffix}`)
}

t.test('a forged sighting ends no session', async t => {
  const { a, redis, prefix } = await twoInstances(t)
  const [ada, bob] = [await signUp(a.app), await signUp(a.app)]
  const next = await refreshed(a.app, ada.refreshToken)
  await refreshed(a.app, bob.refreshToken)
  await a.clock.advance(300)
  // A genuine sighting of somebody else, with its MAC.
  a.app.context.activity.saw(bob.sessionId, 1)
  await a.app.context.activity.flush()
  const [, genuine] = await redis.mget(sightingKeys(prefix, bob, 1))
  const at = a.clock.now()
  for (const forged of [`${at}`, `${at}.`, `${at}.${'A'.repeat(43)}`, genuine ?? '', `${at + HOUR_MS}`, 'Infinity']) {
    for (const key of sightingKeys(prefix, ada, 1)) await redis.set(key, forged)
    t.equal(await refreshed(a.app, ada.refreshToken), next, `${forged.slice(0, 15)}: the successor, as it was late`)
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

t.test('a forged last activity is not shown, and stops no genuine one', async t => {
  const { a, b, redis, prefix } = await twoInstances(t)
  const ada = await signUp(a.app)
  await a.clock.advance(60)
  const forgeries = ['abc', '', '-1', '1e99', '9999999999999999', `${Date.now() + 10 * TEN_YEARS_S * 1000}`]
  for (const forged of [...forgeries, ...forgeries.map(text => `${text}.${'A'.repeat(43)}`)]) {
    for (const key of sightingKeys(prefix, ada)) await redis.set(key, forged)
    // The instance that asks has seen itself asked.
    const shown = await lastActive(a, ada)
    t.ok(Math.abs(Date.parse(`${shown}`) - a.clock.now()) < 30_000, `${forged}: ${shown}`)
    await a.app.context.activity.flush()
    const [session] = await b.app.context.activity.lastSeen([ada.sessionId])
    t.ok(Math.abs((session?.[1] ?? 0) - a.clock.now()) < 30_000, `${forged}: the other instance knows it`)
  }
  for (const key of sightingKeys(prefix, ada)) {
    await redis.del(key)
    await redis.lpush(key, 'x')
  }
  t.type(await lastActive(b, ada), 'string', 'a list in its place')
})
