import { strict as assert } from 'node:assert'
import { disableUser } from '../../src/domain/accounts/administer-users.js'
import type { Choice } from './client-steps.js'
import { begin, expectRefreshed, expectRefusedEverywhere, type History, pickSession } from './history.js'
import { MAX_SESSIONS, type Session } from './model.js'
import { type Answer, expectAnswer } from './service.js'

export type Ending = 'logout' | 'logout_all' | 'user_disabled' | 'password_changed'

/**
 * A session ends while both instances refresh it and the user signs in. Whichever comes first: tokens of the session
 * are refused afterwards, and the new session stays live only if it was opened after the end.
 */
export async function race(
  history: History,
  { which, instance, ending, withLogin }: Choice & { ending: Ending; withLogin: boolean },
): Promise<void> {
  const { model, service } = history
  const session = pickSession(history, which)
  const now = service.now()
  if (!model.isLive(session, now)) return
  const { user } = session
  const live = model.sessionsOf(user).filter(session => model.isLive(session, now))
  // At the session limit, a sign-in that comes first ends the oldest session, and a logout by that one ends nothing
  // more.
  const oldest = live.length >= MAX_SESSIONS ? live[0] : undefined
  if (oldest === session && ending === 'logout_all') return
  const wasAt = session.generation
  const handedOut = model.refresh(session, wasAt, now) as number
  const refresh_token = session.tokens[wasAt]!
  const credentials = { email: user.email, password: user.password, transport: 'body' }

  const [granted, login, ...answers] = await Promise.all([
    endIt(history, session, ending, instance),
    withLogin ? service.post(1 - instance, '/auth/login', credentials) : undefined,
    ...[0, 1, 0, 1].map(i => service.post(i, '/auth/refresh', { refresh_token })),
  ])
  if (login && oldest && (await reasonOf(history, oldest.id)) === 'too_many_sessions')
    oldest.revoked = 'too_many_sessions'
  const refusals = [ending === 'user_disabled' ? 'user_disabled' : 'session_revoked']
  if (session.revoked) refusals.push('session_revoked')
  for (const answer of answers) {
    expectAnswer(answer, [200, ...refusals], 'a refresh during a revocation')
    if (answer.says === 200) expectRefreshed(session, answer, handedOut, now)
  }
  if (session.tokens[handedOut] === undefined) session.generation = wasAt

  if (ending === 'logout') session.revoked ??= 'logout'
  else model.revokeAll(user, ending, now)
  if (ending === 'user_disabled') user.disabled = true
  if (login) await settleLogin(history, session, login, ending, now)
  if (granted) {
    user.password = `${user.password}!`
    begin(model, user, granted.body, now)
  }
  await service.readJournals()
  await expectRefusedEverywhere(history, [user], instance)
}

async function endIt({ service }: History, session: Session, ending: Ending, instance: number) {
  const { user, tokens, generation } = session
  if (ending === 'user_disabled') return void (await disableUser(service.context(instance), user.email, 'test'))
  if (ending === 'password_changed') {
    const change = { email: user.email, current_password: user.password, new_password: `${user.password}!` }
    const answer = await service.post(instance, '/auth/change-password', { ...change, transport: 'body' })
    expectAnswer(answer, 200, 'a change of password')
    return answer
  }
  const scope = ending === 'logout' ? 'session' : 'all'
  // By the token that is being rotated: it stays valid for both scopes, as its rotation is a moment ago.
  const refresh_token = tokens[generation] ?? tokens[generation - 1]
  expectAnswer(await service.post(instance, '/auth/logout', { scope, refresh_token }), 204, 'a logout')
  return undefined
}

/** The only answer that the model cannot predict. The database says which of the two came first. */
async function settleLogin(history: History, session: Session, login: Answer, ending: Ending, now: number) {
  const { model } = history
  const { user } = session
  expectAnswer(login, ending === 'logout' ? 200 : [200, 'invalid_credentials'], 'a sign-in during a revocation')
  if (login.says !== 200) return
  const reason = await reasonOf(history, login.body.session_id)
  const opened = begin(model, user, login.body, now)
  const mayLive = ending === 'logout' || ending === 'logout_all'
  if (reason !== null || !mayLive) {
    assert.equal(reason, ending, 'a sign-in that came before the end ends with it')
    opened.revoked = ending
  }
}

async function reasonOf({ service }: History, sessionId: string): Promise<string | null> {
  const [row] = await service.instances[0].database.admin<{ reason: string | null }[]>`
    select revoke_reason as reason from sessions where id = ${sessionId}`
  return row!.reason
}
