import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { EVENT_OF, type History, use } from './history.js'
import type { Session, User } from './model.js'
import { expectAnswer } from './service.js'

interface Row {
  id: string
  endsAt: Date
  reason: string | null
  generation: number | null
  tokenHash: Buffer | null
}

/** Holds after every step: the database has exactly the sessions and the whitelist of the model. */
export async function checkWhitelist({ model, service }: History): Promise<void> {
  const rows = await service.instances[0].database.admin<Row[]>`
    select id, sessions.expires_at as "endsAt", revoke_reason as reason, generation, token_hash as "tokenHash"
    from sessions left join refresh_tokens on session_id = id
    where user_id in ${service.instances[0].database.admin(model.users.map(({ id }) => id))}`
  assert.deepEqual(rows.map(({ id }) => id).sort(), model.sessions.map(({ id }) => id).sort(), 'the sessions')
  for (const row of rows) {
    const session = model.sessions.find(({ id }) => id === row.id)!
    // A session that has expired may be among those that end at the limit.
    if (row.reason === 'too_many_sessions' && !model.isLive(session, service.now())) session.revoked ??= row.reason
    assert.equal(row.reason ?? undefined, session.revoked, 'why a session was revoked')
    const moved = Math.abs(row.endsAt.getTime() - session.endsAt)
    assert.ok(moved < 5000, `the absolute end of a session moved by ${moved} ms`)
    const current = session.revoked ? null : session.generation
    assert.equal(row.generation, current, 'the generation on the whitelist')
    if (current !== null) assert.ok(row.tokenHash!.equals(hashOf(session.tokens[current]!)), 'the whitelist has a fork')
  }
}

/**
 * Checks at the end of a history: every token that was ever issued, every list of sessions, every reason for an end.
 */
export async function checkEnd(history: History): Promise<void> {
  const { model, service } = history
  await service.readJournals()
  for (const session of model.sessions) {
    for (const [index, token] of session.access.entries()) await use(history, token, index % 2)
    await checkDeadTokens(history, session)
  }
  for (const user of model.users) {
    await checkLists(history, user)
    await checkCauses(history, user)
  }
}

/** Every refresh token of a session that has ended is refused, with the code that the model predicts. */
async function checkDeadTokens({ model, service }: History, session: Session): Promise<void> {
  const code = model.refusalOf(session, service.now())
  if (code === undefined) return
  for (const [index, token] of session.tokens.entries()) {
    const answer = await service.post(index % 2, '/auth/refresh', { refresh_token: token })
    expectAnswer(answer, code, 'a refresh in a session that is over')
  }
}

async function checkLists({ model, service }: History, user: User): Promise<void> {
  const now = service.now()
  const live = model.sessionsOf(user).filter(session => model.isLive(session, now))
  const tokens = live.map(session => session.access.at(-1)!).filter(token => model.verify(token, now) === 200)
  for (const [index, token] of tokens.entries()) {
    const { body } = await service.get(index % 2, '/auth/sessions', token.text)
    const listed = body as unknown as { id: string; current: boolean }[]
    assert.deepEqual(listed.map(({ id }) => id).sort(), live.map(({ id }) => id).sort(), 'the list of sessions')
    assert.deepEqual(
      listed.filter(({ current }) => current).map(({ id }) => id),
      [token.session.id],
    )
  }
}

/** Every revoked session has an event that tells its owner why. */
async function checkCauses({ model, service }: History, user: User): Promise<void> {
  const events = await service.instances[0].database.admin<{ type: string; sessionId: string | null }[]>`
    select type, session_id as "sessionId" from security_events where user_id = ${user.id}`
  for (const { revoked, id } of model.sessionsOf(user)) {
    if (revoked === undefined) continue
    const isOwn = ['logout', 'revoked_by_user', 'refresh_token_reused'].includes(revoked)
    const cause = events.find(({ type, sessionId }) => type === EVENT_OF[revoked] && (!isOwn || sessionId === id))
    assert.ok(cause, `no event for ${revoked}`)
  }
}

/** What the whitelist stores of a refresh token: a digest of its 32 secret bytes. */
function hashOf(token: string): Buffer {
  const bytes = Buffer.from(token.slice('lk_rt_'.length), 'base64url')
  return createHash('sha256').update(bytes.subarray(22, 54)).digest()
}
