import { Redis } from 'ioredis'
import t from 'tap'
import { until } from '../../support/eventually.js'
import { signIn, signUp } from '../../support/people.js'
import { testServers } from '../../support/servers/test-servers.js'
import { knownVerdict } from '../verifiers.js'
import { followInstances, isRefused, known, logOut } from './followed-instances.js'

t.test('a logout at another instance reaches the verifier, with Redis and without', async t => {
  const { a, b, redis, verifier } = await followInstances(t)
  const [ada, bob] = [await known(verifier, signUp(a.app)), await known(verifier, signUp(a.app))]
  await logOut(b.app, ada)
  await until(isRefused(verifier, ada), 'through Redis')
  await redis.refuse()
  await logOut(b.app, bob)
  await until(isRefused(verifier, bob), 'through the journal')
  t.equal(verifier.status().isFresh, true)
})

t.test('a flushed Redis loses nothing at the verifier', async t => {
  const { a, b, env, verifier } = await followInstances(t)
  const [ada, bob] = [await known(verifier, signUp(a.app)), await known(verifier, signUp(a.app))]
  await logOut(b.app, ada)
  await until(isRefused(verifier, ada))
  const redis = new Redis(testServers().redisUrl)
  t.teardown(() => redis.disconnect())
  // The server is shared by all tests, so only the keys of this one are deleted.
  const keys = await redis.keys(`${env.REDIS_KEY_PREFIX}*`)
  t.ok(keys.length > 0)
  await redis.del(...keys)
  await logOut(b.app, bob)
  await until(isRefused(verifier, bob))
  t.equal(knownVerdict(verifier, ada.accessToken), 'token_revoked')
  t.equal(verifier.status().isFresh, true)
})

t.test('without Postgres the list grows old, and it is fresh again when Postgres is back', async t => {
  const { a, postgres, redis, verifier } = await followInstances(t, { maxStalenessSeconds: 5 })
  const ada = await known(verifier, signUp(a.app))
  await postgres.refuse()
  await redis.refuse()
  await until(() => knownVerdict(verifier, ada.accessToken) === 'revocations_stale')
  await postgres.heal()
  await redis.heal()
  await until(() => knownVerdict(verifier, ada.accessToken) === 'valid')
  const bob = await known(verifier, signIn(a.app, ada.email))
  await logOut(a.app, bob)
  await until(isRefused(verifier, bob))
})
