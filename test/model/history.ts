import { strict as assert } from 'node:assert'
import {
  ACCESS_TTL,
  type AccessToken,
  IDLE_TTL,
  MAX_AGE,
  type Model,
  type Reason,
  type Session,
  type User,
} from './model.js'
import { type Answer, expectAnswer, type Granted, randomEmail, type Service } from './service.js'

/** One history: the service, and the model that predicts its answers. */
export interface History {
  model: Model
  service: Service
}

export async function register({ model, service }: History, instance: number): Promise<void> {
  const [email, password] = [randomEmail(), 'a passphrase nobody would guess']
  const now = service.now()
  const answer = await service.post(instance, '/auth/register', { email, password, transport: 'body' })
  expectAnswer(answer, 201, 'a registration')
  const user = { id: answer.body.user.id, email, password, disabled: false, roleChanges: 0 }
  model.users.push(user)
  begin(model, user, answer.body, now)
}

/** Records in the model that a session was opened. */
export function begin(model: Model, user: User, granted: Granted, now: number): Session {
  const session: Session = {
    id: granted.session_id,
    user,
    generation: 0,
    tokens: [granted.refresh_token],
    access: [],
    rotatedAt: now,
    idleAt: now + IDLE_TTL,
    endsAt: now + MAX_AGE,
    outdated: false,
    revoked: undefined,
    late: { count: 0, generation: undefined },
    told: new Map(),
    seen: new Map(),
    held: { client: 0, thief: undefined },
  }
  model.sessions.push(session)
  keepAccessToken(session, granted, now)
  return session
}

/** Presents a refresh token and expects what the model says. Returns the generation of the new token, if any. */
export async function present(history: History, session: Session, generation: number, instance: number) {
  const { model, service } = history
  const now = service.now()
  const expected = model.refresh(session, generation, now)
  const answer = await service.post(instance, '/auth/refresh', { refresh_token: session.tokens[generation] })
  const handedOut = expectRefreshed(session, answer, expected, now)
  if (expected === 'refresh_token_reused') await expectRefusedEverywhere(history, [session.user], instance)
  return handedOut
}

/** Asks without rotating, as a server does that renders a page for the holder of a token. */
export async function ask(history: History, session: Session, generation: number, instance: number): Promise<void> {
  const { model, service } = history
  const now = service.now()
  const before = await service.stored(session.id)
  const expected = model.ask(session, generation, now)
  const body = { refresh_token: session.tokens[generation], rotate: false }
  const answer = await service.post(instance, '/auth/refresh', body)
  expectAnswer(answer, typeof expected === 'number' ? 200 : expected, 'a request without rotating')
  assert.deepEqual(await service.stored(session.id), before, 'nothing was written')
  assert.equal(answer.body.refresh_token, undefined)
  assert.equal('ticket' in answer.body, false)
  if (typeof expected === 'number') keepAccessToken(session, answer.body, now, expected)
}

export function expectRefreshed(session: Session, answer: Answer, expected: number | string, now: number) {
  expectAnswer(answer, typeof expected === 'number' ? 200 : expected, 'a refresh')
  if (typeof expected !== 'number') return undefined
  const { body } = answer
  session.tokens[expected] ??= body.refresh_token
  assert.equal(body.refresh_token, session.tokens[expected], 'a generation has one token')
  assert.equal(body.session_id, session.id)
  assert.equal(body.user.id, session.user.id)
  assert.equal(body.access_token === undefined, false)
  keepAccessToken(session, body, now, expected)
  return expected
}

/** Verifies an access token at an instance, and expects what the model says. */
export async function use({ model, service }: History, token: AccessToken, instance: number): Promise<void> {
  const expected = model.verify(token, service.now())
  expectAnswer(await service.get(instance, '/auth/verify', token.text), expected, 'a request')
}

/**
 * Expects that what was revoked at an instance is refused there at once, and at the other one as soon as it has read
 * the journal, without the announcement.
 */
export async function expectRefusedEverywhere(history: History, users: readonly User[], actingInstance: number) {
  await expectRefused(history, users, actingInstance)
  await history.service.context(1 - actingInstance).revocations.readJournal()
  await expectRefused(history, users, 1 - actingInstance)
}

async function expectRefused({ model, service }: History, users: readonly User[], instance: number): Promise<void> {
  for (const session of model.sessions) {
    if (!users.includes(session.user) || !(session.revoked || session.outdated)) continue
    const token = session.access.at(-1)!
    const expected = model.verify(token, service.now())
    expectAnswer(await service.get(instance, '/auth/verify', token.text), expected, 'a request after a revocation')
  }
}

/** Mostly a live session, as little can happen in one that has ended. */
export function pickSession({ model, service }: History, choice: number): Session {
  const live = model.sessions.filter(session => model.isLive(session, service.now()))
  return live.length === 0 || choice % 5 === 0 ? pick(model.sessions, choice) : pick(live, choice)
}

export function pick<Item>(items: readonly Item[], choice: number): Item {
  return items[choice % items.length]!
}

/** The type of the event that tells the owner why a session ended. */
export const EVENT_OF: Record<Reason, string> = {
  logout: 'signed_out',
  logout_others: 'session_revoked',
  logout_all: 'signed_out',
  revoked_by_user: 'session_revoked',
  refresh_token_reused: 'refresh_token_reused',
  password_changed: 'password_changed',
  user_disabled: 'user_disabled',
  too_many_sessions: 'session_revoked',
}

function keepAccessToken(session: Session, { access_token: text }: Granted, now: number, generation = 0): void {
  const { roleChanges } = session.user
  session.access.push({ text, session, generation, expiresAt: Math.min(now + ACCESS_TTL, session.idleAt), roleChanges })
}
