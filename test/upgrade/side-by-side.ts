import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { until } from '../support/eventually.js'
import { PASSWORD } from '../support/people.js'
import { call, form, type Instance, outcomeOf, refresh, register, type Session, signIn, verify } from './version.js'

// What one version does, and what the other one makes of it. Each function is called for both directions.

/** REFRESH_MIN_AGE and REFRESH_LEEWAY of the instances, and a little more. */
export const MIN_AGE_MS = 2200
const LEEWAY_MS = 1200
/** Without Redis, two seconds are promised, and a loaded machine can delay an answer. */
const BOUND_MS = 5000

export function newEmail(): string {
  return `${randomBytes(6).toString('hex')}@example.com`
}

/** Waits until an instance refuses an access token, and checks with which code. */
export async function untilRefused(t: Test, instance: Instance, accessToken: string, code = 'token_revoked') {
  await until(
    async () => (await verify(instance, accessToken)) === code,
    `${instance.program.name} says ${code}`,
    BOUND_MS,
  )
  t.equal(await verify(instance, accessToken), code, `${instance.program.name} says so again`)
}

/** Accounts, sessions and rotations of one version at the other one. */
export async function checkSessions(t: Test, a: Instance, b: Instance): Promise<void> {
  const session = await register(a, newEmail())
  const other = await signIn(b, session.email)
  t.equal(await verify(b, session.accessToken), 200, 'an access token of one is valid at the other')
  t.equal((await call(b, 'GET', '/auth/profile', session)).body.email, session.email)
  const listed = await call(b, 'GET', '/auth/sessions', session)
  t.equal(listed.status, 200)
  t.equal(listed.body.length, 2, 'it lists the sessions of both')

  await sleep(MIN_AGE_MS)
  // The answer is lost, so the client sends the same token again, to the other one.
  const lost = await refresh(a, session.refreshToken)
  const again = await refresh(b, session.refreshToken)
  t.equal(outcomeOf(again), 200, 'a token whose answer was lost is accepted by the other')
  t.not(lost.body.refresh_token, session.refreshToken, 'it was rotated')
  t.equal(again.body.refresh_token, lost.body.refresh_token, 'it returns the same successor')
  await sleep(LEEWAY_MS)
  const late = await refresh(b, session.refreshToken)
  t.equal(late.body.refresh_token, lost.body.refresh_token, 'also when the leeway is over')

  await sleep(MIN_AGE_MS)
  const next = await refresh(b, lost.body.refresh_token)
  t.equal(outcomeOf(next), 200, 'what one rotated, the other rotates')
  t.not(next.body.refresh_token, lost.body.refresh_token)
  t.equal(await verify(a, next.body.access_token), 200)
  const unrotated = await refresh(a, next.body.refresh_token, { rotate: false })
  if (a.program.name === 'old' && unrotated.status === 400) t.comment('the old version always rotates')
  else t.equal(await verify(b, unrotated.body.access_token), 200, 'refreshing without rotating')

  // A copy of an old token: one version tells it, the other one ends the session.
  const superseded = await refresh(a, session.refreshToken)
  t.equal(outcomeOf(superseded), 'refresh_token_superseded')
  const stolen = await refresh(b, session.refreshToken, { ticket: superseded.body.ticket })
  t.equal(outcomeOf(stolen), 'refresh_token_reused', 'a ticket of one counts at the other')
  await untilRefused(t, a, next.body.access_token)
  t.equal(outcomeOf(await refresh(a, next.body.refresh_token)), 'session_revoked')
  t.equal(await verify(a, other.accessToken), 200, 'another session goes on')
}

/** Every way to revoke, at one version, and whether the other one refuses. */
export async function checkRevocations(t: Test, a: Instance, b: Instance): Promise<Session[]> {
  const ended: Session[] = []
  const email = newEmail()
  await register(a, email)
  const [first, second, third, fourth] = [
    await signIn(b, email),
    await signIn(a, email),
    await signIn(b, email),
    await signIn(a, email),
  ]
  t.equal((await a.http.post('/auth/logout', { refresh_token: first.refreshToken })).status, 204, 'a logout')
  await untilRefused(t, b, first.accessToken)
  t.equal((await call(a, 'DELETE', `/auth/sessions/${second.id}`, third)).status, 204, 'a session in the list')
  await untilRefused(t, b, second.accessToken)
  await a.program.command('sessions', 'revoke', third.id)
  await untilRefused(t, b, third.accessToken)
  ended.push(first, second, third)

  const passwords = { current_password: PASSWORD, new_password: 'a crate of green slates' }
  const changed = await call(a, 'POST', '/auth/change-password', fourth, passwords)
  t.equal(changed.status, 200, 'a change of password')
  await untilRefused(t, b, fourth.accessToken)
  t.equal(await verify(b, changed.body.access_token), 200)
  const fifth = await signIn(b, email, passwords.new_password)
  t.equal(outcomeOf(await b.http.post('/auth/login', { email, password: PASSWORD })), 'invalid_credentials')

  await a.program.command('users', 'roles', email, 'editor')
  await untilRefused(t, b, fifth.accessToken, 'token_stale')
  const fresh = await refresh(b, fifth.refreshToken)
  t.equal(outcomeOf(fresh), 200, 'after a change of roles the session goes on')
  for (const instance of [a, b]) t.equal(await verify(instance, fresh.body.access_token), 200)

  await a.program.command('users', 'disable', email)
  await untilRefused(t, b, fresh.body.access_token)
  t.not(
    (await b.http.post('/auth/login', { email, password: passwords.new_password })).status,
    200,
    'a disabled account',
  )
  await a.program.command('users', 'enable', email)
  await signIn(b, email, passwords.new_password)
  ended.push(fourth, { ...fifth, accessToken: fresh.body.access_token, refreshToken: fresh.body.refresh_token })

  const { token } = await a.program.command('users', 'reset-password', email)
  const reset = await b.http.post('/auth/reset-password', { token, new_password: 'a barrel of blue paint' })
  t.ok(reset.status < 300, `a token for a new password: ${JSON.stringify(reset.body)}`)
  await signIn(a, email, 'a barrel of blue paint')
  for (const { program } of [a, b]) {
    const events = await program.command('users', 'events', email, '--limit', '50')
    t.ok(events.length > 8, `${program.name} lists the events of both`)
    t.ok((await program.command('users', 'sessions', email)).length > 0)
  }
  return ended
}

/** A client that one version made, at the other one. */
export async function checkClients(t: Test, a: Instance, b: Instance): Promise<void> {
  const name = `client-${randomBytes(4).toString('hex')}`
  const made = await a.program.command('clients', 'create', name, '--scope', 'introspect,revocations,sessions')
  const asClient = { client_id: made.client_id, client_secret: made.client_secret }
  const user = await register(a, newEmail())
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const granted = await form(from, '/oauth/token', { ...asClient, grant_type: 'client_credentials' })
    t.equal(outcomeOf(granted), 200, `${from.program.name} gives a token`)
    const own = await form(to, '/oauth/introspect', { ...asClient, token: granted.body.access_token })
    t.equal(own.body.active, true, `${to.program.name} accepts the token of the client`)
    t.equal((await form(to, '/oauth/introspect', { ...asClient, token: user.accessToken })).body.active, true)
  }
  await a.program.command('clients', 'rotate', name)
  await until(
    async () => (await form(b, '/oauth/token', { ...asClient, grant_type: 'client_credentials' })).status === 401,
  )
  const before = await form(a, '/oauth/token', { ...asClient, grant_type: 'client_credentials' })
  t.equal(before.status, 401, 'the secret before is refused by both')
  t.ok((await b.program.command('clients', 'list')).some((client: { name: string }) => client.name === name))
}
