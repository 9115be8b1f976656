import t from 'tap'
import { clientToken, makeClient } from '../support/clients.js'
import { until } from '../support/eventually.js'
import { follow, followWithoutReading } from '../support/feed-follower.js'
import { listen } from '../support/raw-request.js'
import { measuredApp } from './measured-app.js'

/** Some ten megabytes in the feed: more than the system keeps for a connection whose client reads nothing. */
const REVOCATIONS = 100_000

t.test('a follower that reads nothing is measured, and counted when it is disconnected as slow', async t => {
  const { app, database, read } = await measuredApp(t)
  const port = await listen(app)
  const token = await clientToken(app, await makeClient(app, 'revocations'))
  const reading = await follow(t, { url: `http://127.0.0.1:${port}`, token }).complete()
  followWithoutReading(t, port, token)
  const feed = async (name: string) => (await read()).sumOf(`latchkey_feed_${name}`)!
  await until(async () => (await feed('followers')) === 2, 'both follow')
  t.equal(await feed('disconnected_as_slow_total'), 0)

  await database.admin`
    insert into revocations (kind, subject, reason, expires_at)
    select 'session', gen_random_uuid(), 'logout', now() + interval '1 hour' from generate_series(1, ${REVOCATIONS})`
  await app.context.revocations.readJournal()
  await until(async () => (await feed('slowest_follower_blocked_seconds')) > 0, 'one is blocked', 60_000)
  await until(async () => (await feed('slowest_follower_lag_bytes')) > 0, 'and lags')

  await until(async () => (await feed('disconnected_as_slow_total')) === 1, 'it is disconnected', 60_000)
  await until(async () => (await feed('slowest_follower_lag_bytes')) === 0, 'no other lags')
  t.equal(await feed('followers'), 1)
  t.notOk(reading.isEnded, 'the one that reads stays')
})
