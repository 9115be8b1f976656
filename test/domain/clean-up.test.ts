import t from 'tap'
import { setRoles } from '../../src/domain/accounts/administer-users.js'
import { commitAndAnnounce } from '../../src/domain/commit-and-announce.js'
import { cleanUp } from '../../src/domain/maintenance.js'
import { newSessionId } from '../../src/lib/ids.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { post, refresh, signIn, signUp, verify } from '../support/people.js'

const DAY = 24 * 60 * 60

const clean = ({ app, config }: TestApp, batchSize?: number) =>
  cleanUp(app.context.db, { ...config, ...(batchSize && { batchSize }) })

async function count({ database }: TestApp, table: string): Promise<number> {
  const [row] = await database.admin`select count(*)::int from ${database.admin(table)}`
  return row!.count
}

/** Makes everything older, ids included: a session id contains its start time. */
async function age(test: TestApp, days: number): Promise<void> {
  const { admin } = test.database
  const older = (column: string) => admin.unsafe(`${column} - interval '${days} days'`)
  for (const { id, user_id } of await admin`select id, user_id from sessions`) {
    const old = newSessionId(user_id)
    const at = Buffer.from(id.replaceAll('-', ''), 'hex')
    const ms = at.readUIntBE(0, 6) - days * DAY * 1000
    const time = ms.toString(16).padStart(12, '0')
    const aged = `${time.slice(0, 8)}-${time.slice(8)}${old.slice(13)}`
    await admin`alter table refresh_tokens drop constraint if exists refresh_tokens_session_id_sessions_id_fk`
    await admin`update refresh_tokens set session_id = ${aged} where session_id = ${id}`
    await admin`update sessions set id = ${aged} where id = ${id}`
  }
  await admin`update sessions set created_at = ${older('created_at')}, expires_at = ${older('expires_at')}`
  await admin`alter table refresh_tokens add foreign key (session_id) references sessions on delete cascade`
}

t.test('clean-up deletes expired sessions and their refresh tokens in batches, and keeps live ones', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  for (let device = 0; device < 6; device++) await signIn(test.app, ada.email)
  await age(test, 40)
  const live = await signIn(test.app, ada.email)

  t.match(await clean(test, 2), { sessions: 7 })
  t.equal(await count(test, 'sessions'), 1)
  t.equal(await count(test, 'refresh_tokens'), 1)
  t.equal((await refresh(test.app, live.refreshToken)).statusCode, 200)
  t.match(await clean(test), { sessions: 0 })
})

t.test('clean-up keeps a session that ended recently, so that the reason can be reported', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  await post(test.app, '/auth/logout', { refresh_token: ada.refreshToken })
  t.match(await clean(test), { sessions: 0 })
  t.equal(await count(test, 'sessions'), 1)
})

t.test('clean-up deletes a revocation only when every token that it refuses has expired', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  await setRoles(test.app.context, ada.email, ['editor'], 'test')
  await commitAndAnnounce(test.app.context, ({ journal }) =>
    journal.append([{ kind: 'key', subject: 'kid', reason: 'key_compromised' }]),
  )
  await test.clock.advance(2 * 60 * 60)
  t.match(await clean(test), { revocations: 0 })
  await test.clock.advance(6 * 60)
  t.match(await clean(test), { revocations: 1 })
  t.equal(await count(test, 'revocations'), 1, 'a compromised key stays revoked permanently')
})

t.test('clean-up deletes retired keys and old events', async t => {
  const test = await buildTestApp(t, { EVENT_RETENTION: '2d' })
  const { admin } = test.database
  await signUp(test.app)
  await admin`delete from security_events where type = 'signing_key_created'`
  await admin`insert into signing_keys (kid, alg, public_jwk, sealed_private_key, active_from, retires_at)
    values ('old', 'ES256', '{}', '', now(), now() - interval '25 hours')`
  t.match(await clean(test), { keys: 1, events: 0 })
  t.equal(await count(test, 'signing_keys'), 1)
  await test.clock.advance(3 * DAY)
  t.match(await clean(test), { keys: 0, events: 1 })
})

t.test('clean-up keeps events of single types for as long as EVENT_RETENTION_BY_TYPE says', async t => {
  const EVENT_RETENTION_BY_TYPE = 'signed_in=2d, roles_changed=30d, session_expired=1d'
  const test = await buildTestApp(t, { EVENT_RETENTION: '10d', EVENT_RETENTION_BY_TYPE })
  const { admin } = test.database
  await admin`delete from security_events`
  const types = ['signed_in', 'roles_changed', 'signed_out', 'type_of_a_later_version']
  for (const type of types)
    await admin`insert into security_events (id, type, actor) select gen_random_uuid(), ${type}, 'user' from generate_series(1, 5)`
  const left = async () =>
    (await admin`select distinct type from security_events order by type`).map(({ type }) => type)
  await test.clock.advance(2 * DAY - 60)
  t.match(await clean(test, 2), { events: 0 })
  await test.clock.advance(120)
  t.match(await clean(test, 2), { events: 5 })
  t.same(await left(), ['roles_changed', 'signed_out', 'type_of_a_later_version'])
  await test.clock.advance(8 * DAY)
  t.match(await clean(test, 2), { events: 5 })
  t.same(await left(), ['roles_changed', 'type_of_a_later_version'])
  await test.clock.advance(20 * DAY)
  t.match(await clean(test, 2), { events: 10 })
})

t.test('clean-up does not wait for another instance that is cleaning up', async t => {
  const test = await buildTestApp(t, { EVENT_RETENTION: '1d' })
  await signUp(test.app)
  await test.database.admin`delete from security_events where type = 'signing_key_created'`
  await test.clock.advance(2 * DAY)
  await test.app.context.db.transaction(async ({ cleanUpLock }) => {
    t.equal(await cleanUpLock.take(), true)
    t.match(await clean(test), { events: 0 })
  })
  t.match(await clean(test), { events: 1 })
})

t.test('clean-up skips a locked row', async t => {
  const test = await buildTestApp(t, { EVENT_RETENTION: '1d' })
  await signUp(test.app)
  await test.database.admin`delete from security_events where type = 'signing_key_created'`
  await test.clock.advance(2 * DAY)
  await test.database.admin.begin(async sql => {
    await sql`select * from security_events for update`
    t.match(await clean(test), { events: 0 })
  })
})

t.test('clean-up does not affect a live session that refreshes at the same time', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const [, response] = await Promise.all([clean(test), refresh(test.app, ada.refreshToken)])
  t.equal(await verify(test.app, response.json().access_token), 200)
})
