import { disableUser, enableUser, setRoles } from '../../src/domain/accounts/administer-users.js'
import { withJournalWrites } from '../../src/domain/commit-and-announce.js'
import { signOutEveryone } from '../../src/domain/sessions/end-many-sessions.js'
import { endSessions } from '../../src/domain/sessions/end-sessions.js'
import type { Choice } from './client-steps.js'
import { begin, expectRefusedEverywhere, type History, pick, pickSession } from './history.js'
import type { Session } from './model.js'
import { expectAnswer } from './service.js'

export type Scope = 'session' | 'others' | 'all'

/** Logs out by the newest access token, or by a refresh token of an earlier generation. */
export async function logOut(
  history: History,
  { which, instance, scope, by }: Choice & { scope: Scope; by: 'access' | number },
): Promise<void> {
  const { model, service } = history
  const session = pickSession(history, which)
  const now = service.now()
  const access = session.access.at(-1)!
  const generation = by === 'access' ? 0 : Math.max(0, session.generation - by)
  const isLive = by === 'access' ? model.verify(access, now) === 200 : model.isLiveToken(session, generation, now)
  const answer =
    by === 'access'
      ? await service.post(instance, '/auth/logout', { scope }, access.text)
      : await service.post(instance, '/auth/logout', { scope, refresh_token: session.tokens[generation] })
  expectAnswer(answer, scope === 'session' || isLive ? 204 : 'live_token_required', 'a logout')
  if (answer.says === 204) end(history, session, scope, now)
  await expectRefusedEverywhere(history, [session.user], instance)
}

function end({ model }: History, session: Session, scope: Scope, now: number): void {
  if (scope === 'others') model.revokeAll(session.user, 'logout_others', now, session)
  else if (scope === 'all') model.revokeAll(session.user, 'logout_all', now)
  else if (model.isLive(session, now)) session.revoked = 'logout'
}

/** Revokes any session from any session, also one of another user. */
export async function revoke(history: History, { which, instance, target }: Choice & { target: number }) {
  const { model, service } = history
  const session = pickSession(history, which)
  const other = pick(model.sessions, target)
  const now = service.now()
  const verified = model.verify(session.access.at(-1)!, now)
  const answer = await service.delete(instance, `/auth/sessions/${other.id}`, session.access.at(-1)!.text)
  if (verified !== 200) return expectAnswer(answer, verified, 'a revocation')
  const isRevocable = other.user === session.user && model.isLive(other, now)
  expectAnswer(answer, isRevocable ? 204 : 'session_not_found', 'a revocation')
  if (isRevocable) other.revoked = 'revoked_by_user'
  await expectRefusedEverywhere(history, [session.user], instance)
}

export async function revokeOthers(history: History, { which, instance }: Choice): Promise<void> {
  const { model, service } = history
  const session = pickSession(history, which)
  const now = service.now()
  const verified = model.verify(session.access.at(-1)!, now)
  const answer = await service.delete(instance, '/auth/sessions/others', session.access.at(-1)!.text)
  expectAnswer(answer, verified === 200 ? 204 : verified, 'a revocation of the others')
  if (verified === 200) model.revokeAll(session.user, 'revoked_by_user', now, session)
  await expectRefusedEverywhere(history, [session.user], instance)
}

export async function changePassword(history: History, { which, instance }: Choice): Promise<void> {
  const { model, service } = history
  const user = pick(model.users, which)
  const new_password = `${user.password}!`
  const now = service.now()
  const change = { email: user.email, current_password: user.password, new_password, transport: 'body' }
  const answer = await service.post(instance, '/auth/change-password', change)
  expectAnswer(answer, user.disabled ? 'invalid_credentials' : 200, 'a change of password')
  if (user.disabled) return
  model.revokeAll(user, 'password_changed', now)
  user.password = new_password
  begin(model, user, answer.body, now)
  await expectRefusedEverywhere(history, [user], instance)
}

export async function disable(history: History, { which, instance }: Choice): Promise<void> {
  const { model, service } = history
  const user = pick(model.users, which)
  const now = service.now()
  await disableUser(service.context(instance), user.email, 'test')
  if (!user.disabled) model.revokeAll(user, 'user_disabled', now)
  user.disabled = true
  await expectRefusedEverywhere(history, [user], instance)
}

export async function enable({ model, service }: History, { which, instance }: Choice): Promise<void> {
  const user = pick(model.users, which)
  await enableUser(service.context(instance), user.email, 'test')
  user.disabled = false
}

export async function changeRoles({ model, service }: History, { which, instance }: Choice): Promise<void> {
  const user = pick(model.users, which)
  user.roleChanges += 1
  await setRoles(service.context(instance), user.email, [`role${user.roleChanges}`], 'test')
  await service.readJournals()
}

export async function signOutAll(history: History, { instance }: Choice): Promise<void> {
  await signOutEveryone(history.service.context(instance), 'test')
  for (const session of history.model.sessions) session.outdated = true
  await expectRefusedEverywhere(history, history.model.users, instance)
}

/**
 * An instance fails between the commit of a logout and its announcement, after a later logout was committed and read by
 * both: only the journal has the first one.
 */
export async function logOutUnannounced(history: History, { which, instance, target }: Choice & { target: number }) {
  const { service } = history
  const [late, early] = [pickSession(history, which), pickSession(history, target)]
  if (late === early) return
  const now = service.now()
  await service.context(instance).db.transaction(async given => {
    const repositories = withJournalWrites(given)
    const entries = await endSessions(repositories, late.user.id, [late.id], 'logout')
    const event = { type: 'signed_out', userId: late.user.id, sessionId: late.id, actor: 'user' } as const
    if (entries.length > 0) await repositories.securityEvents.add(event)
    const answer = await service.post(1 - instance, '/auth/logout', { refresh_token: early.tokens[0] })
    expectAnswer(answer, 204, 'a logout')
    await service.readJournals()
  })
  for (const session of [early, late]) end(history, session, 'session', now)
  await service.readJournals()
  await expectRefusedEverywhere(history, [late.user, early.user], instance)
}
