import { strict as assert } from 'node:assert'
import { commitAndAnnounce } from '../../src/domain/commit-and-announce.js'
import { openSession } from '../../src/domain/sessions/open-session.js'
import { grantTokens } from '../../src/domain/tokens/grant-tokens.js'
import {
  ask,
  begin,
  expectRefreshed,
  expectRefusedEverywhere,
  type History,
  pick,
  pickSession,
  present,
  register,
  use,
} from './history.js'
import { expectAnswer } from './service.js'

/** Which session, token or user a step is about: any number, taken modulo how many there are. */
export interface Choice {
  which: number
  instance: number
}

export async function registerAnother(history: History, { instance }: Choice): Promise<void> {
  if (history.model.users.length < 2) await register(history, instance)
}

export async function logIn({ model, service }: History, { which, instance, right }: Choice & { right: boolean }) {
  const user = pick(model.users, which)
  const now = service.now()
  const password = right ? user.password : 'not the passphrase'
  const answer = await service.post(instance, '/auth/login', { email: user.email, password, transport: 'body' })
  const expected = right && !user.disabled ? 200 : 'invalid_credentials'
  expectAnswer(answer, expected, 'a sign-in')
  if (expected !== 200) return
  begin(model, user, answer.body, now)
  model.revokeBeyondLimit(user, now)
  await expectRefusedEverywhere({ model, service }, [user], instance)
}

/** Signs in on another device as if by password, without the cost of hashing. */
export async function addDevice({ model, service }: History, { which, instance }: Choice): Promise<void> {
  const user = pick(model.users, which)
  const context = service.context(instance)
  const { passwordHash, tokenVersion } = (await context.db.users.findById(user.id))!
  const fence = { passwordHash, tokenVersion }
  const now = service.now()
  const signIn = { userId: user.id, fence, transport: 'body', caller: {} } as const
  const opened = await commitAndAnnounce(context, repositories => openSession(context, repositories, signIn))
  assert.equal(opened === undefined, user.disabled, 'a session opens unless the user is disabled')
  if (!opened) return
  const { accessToken, refreshToken, sessionId } = grantTokens(context, opened.facts, opened.refreshToken)
  const granted = { access_token: accessToken, refresh_token: refreshToken, session_id: sessionId, user }
  begin(model, user, granted, now)
  model.revokeBeyondLimit(user, now)
  await expectRefusedEverywhere({ model, service }, [user], instance)
}

/** The owner or a thief refreshes with the token they hold. If the answer is lost, they still hold that one. */
export async function refresh(
  history: History,
  { which, instance, byThief, lost }: Choice & { byThief: boolean; lost: boolean },
): Promise<void> {
  const session = pickSession(history, which)
  const holder = byThief && session.held.thief !== undefined ? 'thief' : 'client'
  const generation = await present(history, session, session.held[holder]!, instance)
  if (generation !== undefined && !lost) session.held[holder] = generation
}

export async function steal(history: History, { which }: Choice): Promise<void> {
  const { held } = pickSession(history, which)
  held.thief = held.client
}

/** Presents a token of an earlier generation. */
export async function replay(history: History, { which, instance, back }: Choice & { back: number }): Promise<void> {
  const session = pickSession(history, which)
  await present(history, session, Math.max(0, session.generation - back), instance)
}

/** Asks several times without rotating: the owner's server, the thief, or a server with an older cookie. */
export async function askWithoutRotating(
  history: History,
  { which, instance, byThief, back, times }: Choice & { byThief: boolean; back: number; times: number },
): Promise<void> {
  const session = pickSession(history, which)
  const held = byThief ? (session.held.thief ?? session.held.client) : session.held.client
  for (let time = 0; time < times; time++) await ask(history, session, Math.max(0, held - back), instance)
}

/** Several tabs present one token at the same time, to both instances. */
export async function burst(history: History, { which, back }: Choice & { back: number }): Promise<void> {
  const { model, service } = history
  const session = pickSession(history, which)
  const generation = Math.max(0, session.generation - back)
  const now = service.now()
  const wasOver = model.refusalOf(session, now)
  const expected = model.refresh(session, generation, now)
  const refresh_token = session.tokens[generation]
  const answers = await Promise.all([0, 1, 0, 1, 0, 1].map(i => service.post(i, '/auth/refresh', { refresh_token })))
  if (expected === 'refresh_token_reused') {
    // One answer reports the theft and ends the session; the others report a revoked session.
    for (const answer of answers) expectAnswer(answer, [expected, 'session_revoked'], 'a burst of a stolen token')
    assert.equal(wasOver, undefined)
    await service.readJournals()
    return expectRefusedEverywhere(history, [session.user], 0)
  }
  for (const answer of answers) expectRefreshed(session, answer, expected, now)
  if (typeof expected === 'number' && back === 0) session.held.client = expected
}

export async function useToken(history: History, { which, instance, age }: Choice & { age: number }): Promise<void> {
  const { access } = pickSession(history, which)
  await use(history, access[Math.max(0, access.length - 1 - age)]!, instance)
}

export async function list(history: History, { which, instance }: Choice): Promise<void> {
  const { model, service } = history
  const session = pickSession(history, which)
  const now = service.now()
  const expected = model.verify(session.access.at(-1)!, now)
  const answer = await service.get(instance, '/auth/sessions', session.access.at(-1)!.text)
  expectAnswer(answer, expected, 'a list of sessions')
  if (expected !== 200) return
  const live = model.sessionsOf(session.user).filter(candidate => model.isLive(candidate, now))
  const listed = (answer.body as unknown as { id: string }[]).map(({ id }) => id)
  assert.deepEqual(listed.sort(), live.map(({ id }) => id).sort(), 'the list of sessions')
}
