import postgres from 'postgres'
import t from 'tap'
import { controlPostgres } from '../support/controlled-postgres.js'
import { until } from '../support/eventually.js'
import { post, refresh, refreshed, signIn, signUp, verify } from '../support/people.js'
import { startInstances } from './instances.js'

// Postgres fails over to a standby that lost the last second.

t.test('a Postgres failover that loses commits ends no session and restores no revoked one', async t => {
  const primary = await controlPostgres(t)
  const instances = await startInstances(t, { postgresUrl: primary.url })
  const { a, b } = instances
  const [ada, bob] = [await signUp(a.app), await signUp(b.app)]
  const people = await Promise.all(Array.from({ length: 4 }, () => signIn(a.app, ada.email)))
  const [stays, leaves] = people as [(typeof people)[0], (typeof people)[0]]
  const everywhere = await signIn(b.app, bob.email)

  // The standby: what the primary held before the last rotations and revocations.
  await primary.stop()
  const standby = await primary.copy()
  await primary.start()
  instances.postgres.retarget(primary.url)
  await works(() => refresh(a.app, ada.refreshToken))

  const ahead = await refreshed(a.app, stays.refreshToken)
  t.equal((await post(a.app, '/auth/logout', { refresh_token: leaves.refreshToken })).statusCode, 204)
  t.equal((await post(b.app, '/auth/logout', { scope: 'all', refresh_token: bob.refreshToken })).statusCode, 204)
  await Promise.all([a, b].map(({ app }) => app.context.revocations.readJournal()))
  const raised = (await a.app.context.db.users.findById(bob.userId))!.tokenVersion
  t.ok(raised > 0)

  await primary.kill()
  await standby.start()
  instances.postgres.retarget(standby.url)
  await works(() => refresh(b.app, ahead))
  const next = await refresh(b.app, ahead)
  t.equal(next.statusCode, 200, 'a client that is one generation ahead of the database goes on')
  t.equal((await refresh(a.app, ahead)).json().refresh_token, next.json().refresh_token)

  const admin = postgres(standby.url, { max: 1, onnotice: () => {} })
  t.teardown(() => admin.end())
  await until(async () => {
    await Promise.all([a, b].map(({ app }) => app.context.revocations.readJournal()))
    const [row] = await admin`select count(*)::int as entries from revocations where reason = 'recovered'`
    return row!.entries === 2
  }, 'the revocations are in the journal again, once each')
  const [session] = await admin`select revoked_at, revoke_reason from sessions where id = ${leaves.sessionId}`
  t.ok(session!.revoked_at)
  const [user] = await admin`select token_version from users where id = ${bob.userId}`
  t.equal(user!.token_version, raised, 'the token_version was raised again')
  const gone = [leaves.sessionId, bob.sessionId, everywhere.sessionId]
  const [left] = await admin`select count(*)::int as rows from refresh_tokens where session_id = any(${gone}::uuid[])`
  t.equal(left!.rows, 0, 'their refresh tokens are off the whitelist')

  for (const instance of [a, b]) await instance.close()
  const restarted = [await instances.start(), await instances.start()]
  for (const { app } of restarted) {
    for (const person of [leaves, bob, everywhere]) {
      t.equal(await verify(app, person.accessToken), 'token_revoked', 'also by an instance that started afterwards')
      t.equal((await refresh(app, person.refreshToken)).statusCode, 401)
    }
    t.equal(await verify(app, next.json().access_token), 200)
    t.equal((await refresh(app, next.json().refresh_token)).statusCode, 200)
  }
})

async function works(attempt: () => Promise<{ statusCode: number }>): Promise<void> {
  await until(async () => (await attempt()).statusCode === 200)
}
