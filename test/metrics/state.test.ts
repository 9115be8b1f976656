import t from 'tap'
import { cleanUp } from '../../src/domain/maintenance.js'
import { newWebhookSecret } from '../../src/domain/webhooks/signature.js'
import { createWebhook } from '../../src/domain/webhooks/webhooks.js'
import { registerVerifier } from '../receipts/verifier-over-http.js'
import type { TestApp } from '../support/build-test-app.js'
import { clientToken, makeClient } from '../support/clients.js'
import { until } from '../support/eventually.js'
import { follow } from '../support/feed-follower.js'
import { PASSWORD, type Person, post, signIn, signUp, verify } from '../support/people.js'
import { startRedis } from '../support/servers/own-redis.js'
import { startWebhookReceiver } from '../support/webhook-receiver.js'
import { measuredApp } from './measured-app.js'

const HOUR = 60 * 60

const logOut = ({ app }: Pick<TestApp, 'app'>, { accessToken }: Person) =>
  post(app, '/auth/logout', { scope: 'session' }, { authorization: `Bearer ${accessToken}` })

t.test('a revocation is measured from its commit, by the way on which it came', async t => {
  const redis = await startRedis(t)
  const measured = await measuredApp(t, { REDIS_URL: redis.url })
  const { app, another, read } = measured
  const count = async (way: string) =>
    (await read()).sumOf('latchkey_revocation_propagation_seconds_count', { way }) ?? 0
  const ada = await signUp(app)
  t.equal(await count('own'), 0)
  await logOut(measured, ada)
  t.equal(await count('own'), 1)
  t.equal((await read()).sumOf('latchkey_revocations_held'), 1)

  const other = await another()
  // It has read the first one at its start, which is not measured.
  await logOut(other, await signIn(app, ada.email))
  await until(async () => (await count('redis')) > 0, 'the revocation came through Redis')
  t.equal(await count('journal'), 0)
  await redis.stop()
  await logOut(other, await signIn(app, ada.email))
  await until(async () => (await count('journal')) > 0, 'the revocation came through the journal')

  const samples = await read()
  const sum = samples.sumOf('latchkey_revocation_propagation_seconds_sum', { way: 'journal' })!
  t.ok(sum > 0 && sum < 30, `measured ${sum} s`)
  t.equal(samples.sumOf('latchkey_redis_connected'), 0)
  t.ok(samples.sumOf('latchkey_redis_failed_commands_total', { command: 'publish' })! > 0)
  t.equal(samples.sumOf('latchkey_degraded', { problem: 'redis' }), 1)
  t.equal(samples.sumOf('latchkey_degraded', { problem: 'postgres' }), 0)
  t.equal(samples.sumOf('latchkey_ready'), 1)
  t.ok(samples.sumOf('latchkey_task_failures_total')! > 0)
  await redis.restart()
  await until(async () => (await read()).sumOf('latchkey_redis_connected') === 1, 'Redis is connected again')
})

t.test('the age of the list says whether tokens are refused because of it', async t => {
  const { app, read } = await measuredApp(t, { REVOCATION_MAX_STALENESS: '2s' })
  const fresh = await read()
  t.ok(fresh.sumOf('latchkey_revocation_list_staleness_seconds')! >= 0)
  t.equal(fresh.sumOf('latchkey_revocation_list_max_staleness_seconds'), 2)
  t.equal(fresh.sumOf('latchkey_revocation_list_usable'), 1)

  const ada = await signUp(app)
  await app.context.revocations.close()
  await until(async () => (await verify(app, ada.accessToken)) === 'revocations_stale', 'the list is too old')
  const stale = await read()
  t.ok(stale.sumOf('latchkey_revocation_list_staleness_seconds')! >= 2)
  t.equal(stale.sumOf('latchkey_revocation_list_usable'), 0)
  t.equal(stale.sumOf('latchkey_ready'), 0)
  t.ok(stale.sumOf('latchkey_token_checks_total', { outcome: 'undecided' })! > 0)
})

t.test('verifiers are counted, and the one that lags', async t => {
  const measured = await measuredApp(t, { FEED_MAX_FOLLOWERS: '7' })
  const { app, clock, read } = measured
  const before = await read()
  t.equal(before.sumOf('latchkey_verifiers_live'), 0)
  t.equal(before.sumOf('latchkey_feed_followers'), 0)
  t.equal(before.sumOf('latchkey_feed_followers_max'), 7)
  const prompt = await registerVerifier(app, { maxStalenessSeconds: 300 })
  const late = await registerVerifier(app, { maxStalenessSeconds: 300 })
  await prompt.confirm()
  await late.confirm()
  await logOut(measured, await signUp(app))
  await prompt.confirm()
  await clock.advance(60)
  const samples = await read()
  t.equal(samples.sumOf('latchkey_verifiers_live'), 2)
  t.equal(samples.sumOf('latchkey_verifiers_lagging'), 1)
  t.ok(samples.sumOf('latchkey_verifiers_slowest_lag_seconds')! >= 60)
  await late.confirm()
  t.equal((await read()).sumOf('latchkey_verifiers_lagging'), 0)
})

t.test('a follower of the feed is counted while it is connected', async t => {
  const { app, read } = await measuredApp(t)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const token = await clientToken(app, await makeClient(app, 'revocations'))
  const follower = await follow(t, { url, token }).complete()
  const samples = await read()
  t.equal(samples.sumOf('latchkey_feed_followers'), 1)
  t.equal(samples.sumOf('latchkey_feed_slowest_follower_lag_bytes'), 0)
  t.equal(samples.sumOf('latchkey_feed_disconnected_as_slow_total'), 0)
  follower.close()
  await until(async () => (await read()).sumOf('latchkey_feed_followers') === 0, 'it is gone')
})

t.test('events that wait for webhooks are counted, with their age, and the attempts to send them', async t => {
  const { app, clock, database, read } = await measuredApp(t, { DELIVERY_ALLOWED_NETWORKS: 'loopback' })
  const receiver = await startWebhookReceiver(t, { clock: clock.now })
  const { secret } = await createWebhook(app.context, { url: receiver.url, types: ['registered'] }, 'test')
  receiver.secret = secret
  receiver.answer = response => response.writeHead(500).end()
  const values = async () => {
    const samples = await read()
    const gauges = ['waiting', 'oldest_seconds', 'abandoned'].map(name =>
      samples.sumOf(`latchkey_deliveries_${name}`, { kind: 'webhook' }),
    )
    const attempts = ['delivered', 'failed'].map(outcome =>
      samples.sumOf('latchkey_delivery_attempts_total', { kind: 'webhook', outcome }),
    )
    return [...gauges.map(value => value && Math.round(value)), ...attempts]
  }
  t.same(await values(), [0, 0, 0, 0, 0])
  await signUp(app)
  await app.context.dispatcher!.runNow()
  await clock.advance(100)
  await signUp(app)
  // The dispatcher may have tried it again by itself.
  const [waiting, oldest, abandoned, delivered, failed] = await values()
  t.same([waiting, abandoned, delivered], [2, 0, 0])
  t.ok(Number(oldest) >= 100)
  t.ok(Number(failed) >= 1)
  receiver.answer = response => response.writeHead(204).end()
  await clock.advance(3600)
  await app.context.dispatcher!.runNow()
  t.match(await values(), [0, 0, 0, 2])
  await signUp(app)
  await database.admin`update deliveries set abandoned_at = now()`
  t.match(await values(), [0, 0, 1])
  await database.admin`update event_receivers set disabled_at = now()`
  t.match(await values(), [undefined, undefined, undefined], 'nothing is due for a disabled one')
})

t.test('the answers of the registration hook are counted by what they are', async t => {
  const receiver = await startWebhookReceiver(t)
  receiver.secret = newWebhookSecret()
  const { app, read } = await measuredApp(t, {
    DELIVERY_ALLOWED_NETWORKS: 'loopback',
    REGISTRATION_HOOK_URL: receiver.url,
    REGISTRATION_HOOK_SECRET: receiver.secret,
  })
  const answers: [string, string, () => void][] = [
    ['allowed', 'decided', () => (receiver.answer = response => response.writeHead(204).end())],
    ['refused', 'decided', () => (receiver.answer = response => response.end('{"allow":false}'))],
    ['failed', 'status', () => (receiver.answer = response => response.writeHead(500).end())],
    ['failed', 'content', () => (receiver.answer = response => response.end('yes'))],
    ['failed', 'no_answer', () => (receiver.answer = response => response.destroy())],
  ]
  const counts = async () => {
    const samples = await read()
    return answers.map(([outcome, reason]) =>
      samples.sumOf('latchkey_registration_hook_answers_total', { outcome, reason }),
    )
  }
  t.same(await counts(), [0, 0, 0, 0, 0])
  for (const [, , answer] of answers) {
    answer()
    await post(app, '/auth/register', { email: 'ada@example.com', password: PASSWORD, transport: 'body' })
  }
  t.same(await counts(), [1, 1, 1, 1, 1])
})

t.test('passwords that are hashed, and that wait for it, are counted', async t => {
  const { app, read } = await measuredApp(t, { HASH_CONCURRENCY: '1', HASH_QUEUE: '20' })
  const body = { email: 'nobody@example.com', password: 'a mill of brass' }
  const signIns = Array.from({ length: 12 }, () => post(app, '/auth/login', body))
  let most = { running: 0, waiting: 0 }
  await until(async () => {
    const samples = await read()
    const [running, waiting] = ['running', 'waiting'].map(name => samples.sumOf(`latchkey_password_hashes_${name}`)!)
    most = { running: Math.max(most.running, running!), waiting: Math.max(most.waiting, waiting!) }
    return most.waiting > 0
  }, 'some wait')
  t.equal(most.running, 1)
  await Promise.all(signIns)
  t.equal((await read()).sumOf('latchkey_password_hashes_running'), 0)
})

t.test('a clean-up is counted by what it deleted, and by its failures', async t => {
  const { app, clock, database, stores, read, config } = await measuredApp(t)
  const started = (await read()).sumOf('latchkey_clean_up_last_success_timestamp_seconds')!
  t.ok(Math.abs(started - Date.now() / 1000) < 60)
  await signUp(app)
  await clock.advance(config.sessionMaxAgeSeconds + 25 * HOUR)
  await cleanUp(stores.db, config)
  const samples = await read()
  t.equal(samples.sumOf('latchkey_clean_up_rows_removed_total', { kind: 'sessions' }), 1)
  t.ok(samples.sumOf('latchkey_clean_up_last_success_timestamp_seconds')! > started)
  await database.admin`alter table sessions rename to other_sessions`
  await t.rejects(cleanUp(stores.db, config))
  t.equal((await read()).sumOf('latchkey_clean_up_failures_total'), 1)
})

t.test('the signing key says its age and when the next one is due', async t => {
  const { read, clock, config } = await measuredApp(t)
  const young = await read()
  t.ok(young.sumOf('latchkey_signing_key_age_seconds')! < 60)
  await clock.advance(HOUR)
  const samples = await read()
  t.ok(samples.sumOf('latchkey_signing_key_age_seconds')! >= HOUR)
  const due = samples.sumOf('latchkey_signing_key_next_rotation_timestamp_seconds')!
  t.ok(Math.abs(due - (Date.now() / 1000 + config.keyRotationIntervalSeconds)) < 60)
})

t.test('the connections to Postgres are counted while they work', async t => {
  const { database, stores, read } = await measuredApp(t, { DATABASE_POOL_SIZE: '2' })
  t.equal((await read()).sumOf('latchkey_postgres_connections_max', { pool: 'requests' }), 2)
  t.equal((await read()).sumOf('latchkey_postgres_connections_max', { pool: 'journal' }), 1)
  const sent = (await read()).sumOf('latchkey_postgres_statements_total')!
  let release = () => {}
  const locked = new Promise<void>(resolve => {
    void database.admin.begin(async transaction => {
      await transaction`lock table clients in access exclusive mode`
      resolve()
      await new Promise<void>(released => {
        release = released
      })
    })
  })
  await locked
  const waiting = Array.from({ length: 3 }, () => stores.db.clients.find('11111111-1111-7111-8111-111111111111'))
  // While a connection is being opened, statements can change their order.
  await read()
  const samples = await read()

  t.equal(samples.sumOf('latchkey_postgres_connections_in_use', { pool: 'requests' }), 2)
  t.ok(samples.sumOf('latchkey_postgres_work_waiting', { pool: 'requests' })! >= 1)
  t.equal(samples.sumOf('latchkey_verifiers_live'), undefined, 'no old value while Postgres does not answer')
  release()
  await Promise.all(waiting)
  const after = await read()
  t.ok(after.sumOf('latchkey_postgres_statements_total')! >= sent + 3)
  t.equal(after.sumOf('latchkey_verifiers_live'), 0)
})

t.test('the metrics say which version runs, and how the process is', async t => {
  const { read } = await measuredApp(t)
  const samples = await read()
  t.same(samples.sumOf('latchkey_build_info', { mode: 'external' }), 1)
  for (const name of ['process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds', 'process_cpu_seconds_total'])
    t.ok(samples.sumOf(name) !== undefined, name)
})
