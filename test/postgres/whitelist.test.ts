import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { countUpdates } from '../support/count-updates.js'
import { refreshed, signUp } from '../support/people.js'

t.test('at least 90 % of rotations update the whitelist row in place (HOT)', async t => {
  const { app, database } = await buildTestApp(t, { REFRESH_MIN_AGE: '0', REFRESH_LEEWAY: '0' })
  const people = await Promise.all(Array.from({ length: 10 }, () => signUp(app)))
  const tokens = people.map(({ refreshToken }) => refreshToken)
  const rounds = 40
  // One after the other: here all ten rows share one page. In a real table, ten busy sessions do not.
  for (let round = 0; round < rounds; round++)
    for (const [person, token] of tokens.entries()) tokens[person] = await refreshed(app, token)

  const stats = await countUpdates(database, 'refresh_tokens')
  t.equal(stats.all, people.length * rounds)
  // An open snapshot prevents Postgres from pruning a page, and on a busy machine some snapshots are open.
  t.ok(stats.inPlace >= 0.9 * stats.all, `${stats.inPlace} of ${stats.all}`)
})

t.test('a live session with its refresh token takes less than 600 bytes, indexes included', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUp(app)
  const count = 20_000
  // Ids ascend, as those of sign-ins do.
  await database.admin`
    insert into sessions (id, user_id, token_version, client_id, created_at, expires_at, device, user_agent, ip,
      transport, auth_methods)
    select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, user_id, token_version, client_id, created_at, expires_at,
      '{"browser": "Firefox", "os": "Windows", "kind": "desktop"}',
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0', '203.0.113.7', transport,
      auth_methods
    from sessions, generate_series(1, ${count}) n where sessions.id = ${ada.sessionId}`
  await database.admin`
    insert into refresh_tokens (session_id, generation, token_hash, previous_hash, next_hash, rotated_at, expires_at)
    select id, 1, sha256(uuid_send(id)), sha256(uuid_send(id)), sha256(uuid_send(id)), created_at, expires_at
    from sessions where id <> ${ada.sessionId}`
  const [size] = await database.admin`
    select (pg_total_relation_size('sessions') + pg_total_relation_size('refresh_tokens'))::int as bytes`
  t.comment(`${Math.round(size!.bytes / count)} bytes a session`)
  t.ok(size!.bytes / count < 600)
})
