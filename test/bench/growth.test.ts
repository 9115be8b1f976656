import t from 'tap'
import { EXPIRED_SESSIONS, fill } from '../../bench/growth/fill.js'
import { openLoadSessions } from '../../bench/growth/load-sessions.js'
import { newSessionId } from '../../src/lib/ids.js'
import { openDatabase } from '../../src/postgres/database.js'
import { createTestDatabase } from '../support/test-database.js'

const SESSIONS = 1000

t.test('the filled tables are as the service would have written them', async t => {
  const { url, admin } = await createTestDatabase(t)
  await fill(url, SESSIONS)

  const [counts] = await admin`
    select count(*)::int as sessions, count(distinct user_id)::int as users, count(refresh_tokens)::int as tokens,
      count(users)::int as with_user
    from sessions left join refresh_tokens on session_id = sessions.id left join users on users.id = user_id
    where sessions.expires_at > now()`
  t.same(counts, { sessions: SESSIONS, users: SESSIONS / 2, tokens: SESSIONS, with_user: SESSIONS })

  const [row] = await admin`
    select id, user_id, created_at, extract(epoch from created_at) * 1000 as began from sessions order by id desc limit 1`
  t.equal(row!.id.slice(14, 18), newSessionId(row!.user_id).slice(14, 18), 'a session id has the hash of its user')
  t.ok(Math.abs(Number.parseInt(row!.id.replaceAll('-', '').slice(0, 12), 16) - row!.began) <= 1, 'and its time')

  const users = await openLoadSessions(url, SESSIONS)
  const [spread] = await admin`
    select count(*)::int as sessions, max(place) - min(place) as places from (
      select generation, row_number() over (order by session_id) as place from refresh_tokens) as numbered
    where generation = 0`
  t.equal(spread!.sessions, users.length)
  t.ok(spread!.places > SESSIONS * 0.4, 'those of the load are in all of one half of the table')

  const db = openDatabase({ url, prepare: true, caFile: undefined, timeoutMs: 10_000, size: 1 })
  t.teardown(() => db.close())
  const removed = await db.expiredSessions.removeOlderThan(31 * 86_400, SESSIONS + EXPIRED_SESSIONS)
  t.same([removed.count, removed.expired.length], [EXPIRED_SESSIONS, EXPIRED_SESSIONS], 'the clean-up finds the others')
})
