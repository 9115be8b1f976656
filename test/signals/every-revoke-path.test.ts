import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { removeClient } from '../../src/domain/clients/clients.js'
import { importUsers, type Line } from '../../src/domain/import/import-users.js'
import { revokeSigningKey } from '../../src/domain/keys/rotate-signing-key.js'
import { writeLetter } from '../../src/domain/letters/letters.js'
import { tokenOfLetter, writeOneTimeToken } from '../../src/domain/letters/one-time-token.js'
import { cleanUp, deleteDueAccounts } from '../../src/domain/maintenance.js'
import { createWebhook } from '../../src/domain/webhooks/webhooks.js'
import { setUpMailReceiver } from '../../src/mail/mail-receiver.js'
import { buildTestApp } from '../support/build-test-app.js'
import { clientToken, makeClient, postForm, type TestClient } from '../support/clients.js'
import { PASSWORD, type Person, post, refresh, refreshed, signIn, signUp } from '../support/people.js'
import { signalClient } from '../support/signals.js'
import { startWebhookReceiver } from '../support/webhook-receiver.js'

/** What a path can use: an administrator, a client that opens sessions, and users that no other path uses. */
interface World {
  app: FastifyInstance
  admin: { authorization: string }
  clock: { advance(seconds: number): Promise<void> }
  /** Two sessions of one user. */
  laptop: Person
  phone: Person
  /** A session of another user. */
  bob: Person
  /** Everything until now belongs to the preparation of the path. */
  settle(): Promise<void>
  /** What happened since. */
  newEvents(): Promise<StoredEvent[]>
  deleteSession(id: string): Promise<unknown>
}

/** An event that a path must write: its type, with the user and the session that it concerns. */
type Expected = [type: string, userId?: string | undefined, sessionId?: string | undefined]

interface Outcome {
  events: Expected[]
  /** The type and the subject of each SET. A text says why there is none. */
  signals: [type: string, subject: Subject][] | string
}

type Subject = { user: string; session?: string } | { tenant: string }

interface Path {
  /** The functions that end something, as `file function`. */
  through: string[]
  act(world: World): Promise<Outcome>
}

const bearer = ({ accessToken }: { accessToken: string }) => ({ authorization: `Bearer ${accessToken}` })
const ofSession = ({ userId, sessionId }: Person): Subject => ({ user: userId, session: sessionId })

/** A request that must succeed. */
async function send(app: FastifyInstance, method: string, url: string, headers: object, payload?: object) {
  const response = await app.inject({
    method: method as 'POST',
    url,
    headers: { ...headers },
    ...(payload && { payload }),
  })
  if (response.statusCode >= 300) throw new Error(`${method} ${url}: ${response.body}`)
  return response
}

/** The session that an answer with tokens opens. */
const opened = (response: { json(): { session_id: string } }) => response.json().session_id

/** All sessions of a user ended, with one event of this type. */
function ofUser(type: string, userId: string, ...more: string[]): Outcome {
  return {
    events: [[type, userId]],
    signals: ['session-revoked', ...more].map(signal => [signal, { user: userId }]),
  }
}

const LOG_OUT = 'domain/sessions/log-out.ts'
const MANAGE = 'domain/sessions/manage-sessions.ts'
const MANY = 'domain/sessions/end-many-sessions.ts'
const REUSE = 'domain/sessions/end-sessions-of-reused-tokens.ts'
const DELETE = 'domain/accounts/delete-account.ts'
const ADMINISTER = 'domain/accounts/administer-users.ts'
const REVOKE_TOKEN = 'domain/clients/revoke-token.ts'

const PATHS: Record<string, Path> = {
  'a user logs out': {
    through: [`${LOG_OUT} endBy`],
    async act({ app, laptop }) {
      await send(app, 'POST', '/auth/logout', bearer(laptop))
      const { userId, sessionId } = laptop
      return { events: [['signed_out', userId, sessionId]], signals: [['session-revoked', ofSession(laptop)]] }
    },
  },
  'a user logs out on all other devices': {
    through: [`${LOG_OUT} endBy`],
    async act({ app, laptop, phone }) {
      await send(app, 'POST', '/auth/logout', bearer(laptop), { scope: 'others' })
      const { userId, sessionId } = phone
      return { events: [['session_revoked', userId, sessionId]], signals: [['session-revoked', ofSession(phone)]] }
    },
  },
  'a user logs out everywhere': {
    through: [`${LOG_OUT} endBy`],
    async act({ app, laptop }) {
      await send(app, 'POST', '/auth/logout', bearer(laptop), { scope: 'all' })
      const { userId, sessionId } = laptop
      return { events: [['signed_out', userId, sessionId]], signals: [['session-revoked', { user: userId }]] }
    },
  },
  'a client of Simple JWT blacklists its refresh token': {
    through: [`${LOG_OUT} endSessionOfToken`],
    async act({ app, laptop }) {
      await send(app, 'POST', '/api/token/blacklist/', {}, { refresh: laptop.refreshToken })
      const { userId, sessionId } = laptop
      return { events: [['signed_out', userId, sessionId]], signals: [['session-revoked', ofSession(laptop)]] }
    },
  },
  'a user logs out of a session whose row a failover lost': {
    through: [`${LOG_OUT} endLost`],
    async act({ app, laptop, deleteSession }) {
      await deleteSession(laptop.sessionId)
      await app.inject({ method: 'POST', url: '/auth/logout', headers: bearer(laptop) })
      return { events: [], signals: 'the account of the session is unknown, and no service was told that it began' }
    },
  },
  'a user revokes a session': {
    through: [`${MANAGE} revokeSession`],
    async act({ app, laptop, phone }) {
      await send(app, 'DELETE', `/auth/sessions/${phone.sessionId}`, bearer(laptop))
      const { userId, sessionId } = phone
      return { events: [['session_revoked', userId, sessionId]], signals: [['session-revoked', ofSession(phone)]] }
    },
  },
  'a user revokes all other sessions': {
    through: [`${MANAGE} revokeOtherSessions`],
    async act({ app, laptop, phone }) {
      await send(app, 'DELETE', '/auth/sessions/others', bearer(laptop))
      const { userId, sessionId } = phone
      return { events: [['session_revoked', userId, sessionId]], signals: [['session-revoked', ofSession(phone)]] }
    },
  },
  'an administrator revokes a session': {
    through: [`${MANAGE} endSessionOfUser`],
    async act({ app, admin, phone }) {
      const { userId, sessionId } = phone
      await send(app, 'DELETE', `/admin/users/${userId}/sessions/${sessionId}`, admin)
      return { events: [['session_revoked', userId, sessionId]], signals: [['session-revoked', ofSession(phone)]] }
    },
  },
  'an administrator revokes all sessions of a user': {
    through: [`${MANAGE} endSessionsOfUser`],
    async act({ app, admin, bob }) {
      await send(app, 'DELETE', `/admin/users/${bob.userId}/sessions`, admin)
      return ofUser('sessions_revoked', bob.userId)
    },
  },
  'a security tool revokes all tokens of a user': {
    through: [`${MANAGE} endSessionsOfUser`],
    async act({ app, admin, bob }) {
      await send(app, 'POST', '/global-token-revocation', admin, { sub_id: { format: 'opaque', id: bob.userId } })
      return ofUser('sessions_revoked', bob.userId)
    },
  },
  'an administrator revokes the sessions of a role': {
    through: [`${MANY} inBatches`],
    async act({ app, admin, laptop, bob }) {
      for (const { userId } of [laptop, bob]) await app.context.db.users.setRoles(userId, ['painter'])
      await send(app, 'POST', '/admin/revocations', admin, { role: 'painter' })
      const users = [laptop.userId, bob.userId]
      return {
        events: users.map(id => ['sessions_revoked', id]),
        signals: users.map(user => ['session-revoked', { user }]),
      }
    },
  },
  'an administrator revokes the sessions of a client': {
    through: [`${MANY} inBatches`, 'domain/clients/client-sessions.ts openClientSession'],
    async act({ app, admin, bob, settle }) {
      const shop = await makeClient(app, 'sessions')
      const session = await openFor(app, shop, bob.userId)
      await settle()
      await send(app, 'POST', '/admin/revocations', admin, { client_id: shop.id })
      return {
        events: [['session_revoked', bob.userId, session]],
        signals: [['session-revoked', { user: bob.userId, session }]],
      }
    },
  },
  'a client is removed': {
    through: [`${MANY} inBatches`],
    async act({ app, bob, settle }) {
      const shop = await makeClient(app, 'sessions')
      const session = await openFor(app, shop, bob.userId)
      await settle()
      await removeClient(app.context, shop.name, 'cli')
      return {
        events: [['client_removed'], ['session_revoked', bob.userId, session]],
        signals: [['session-revoked', { user: bob.userId, session }]],
      }
    },
  },
  'a client revokes a refresh token': {
    through: [`${REVOKE_TOKEN} endSessionOf`],
    async act({ app, laptop, settle }) {
      const client = await makeClient(app, 'admin')
      await settle()
      await postForm(app, '/oauth/revoke', { token: laptop.refreshToken }, { authorization: client.basic })
      const { userId, sessionId } = laptop
      return { events: [['session_revoked', userId, sessionId]], signals: [['session-revoked', ofSession(laptop)]] }
    },
  },
  'a client revokes one access token': {
    through: [`${REVOKE_TOKEN} revokeAccessToken`],
    async act({ app, laptop, settle }) {
      const client = await makeClient(app, 'admin')
      await settle()
      await postForm(app, '/oauth/revoke', { token: laptop.accessToken }, { authorization: client.basic })
      const { userId, sessionId } = laptop
      return {
        events: [['token_revoked', userId, sessionId]],
        signals: 'the session goes on, and neither CAEP nor RISC has a type for one token',
      }
    },
  },
  'a user signs in beyond the limit of sessions': {
    through: ['domain/login/log-in.ts openVerified'],
    async act({ app, laptop, settle }) {
      await signIn(app, laptop.email)
      await settle()
      const { sessionId } = await signIn(app, laptop.email)
      const { userId } = laptop
      return {
        events: [
          ['signed_in', userId, sessionId],
          ['session_revoked', userId, laptop.sessionId],
        ],
        signals: [['session-revoked', ofSession(laptop)]],
      }
    },
  },
  'a user registers': {
    through: ['domain/accounts/register.ts register'],
    async act({ app }) {
      const { userId, sessionId } = await signUp(app)
      return { events: [['registered', userId, sessionId]], signals: 'nothing ended' }
    },
  },
  'a refresh token is presented again with its ticket': {
    through: [`${REUSE} endSessionOfReusedToken`],
    async act({ app, clock, laptop, settle }) {
      let newest = laptop.refreshToken
      for (let generation = 0; generation < 3; generation++) {
        await clock.advance(120)
        newest = await refreshed(app, newest)
      }
      const { ticket } = (await refresh(app, laptop.refreshToken)).json()
      await settle()
      await post(app, '/auth/refresh', { refresh_token: laptop.refreshToken, ticket })
      const { userId, sessionId } = laptop
      return {
        events: [['refresh_token_reused', userId, sessionId]],
        signals: [['session-revoked', ofSession(laptop)]],
      }
    },
  },
  'a user changes the password': {
    through: ['domain/passwords/change-password.ts changeVerified'],
    async act({ app, bob: { email, userId } }) {
      const change = { email, current_password: PASSWORD, new_password: `${PASSWORD} 2`, transport: 'body' }
      const session = opened(await send(app, 'POST', '/auth/change-password', {}, change))
      const outcome = ofUser('password_changed', userId, 'credential-change')
      return { ...outcome, events: [['password_changed', userId, session]] }
    },
  },
  'a user sets a new password with a one-time token': {
    through: ['domain/passwords/password-reset.ts resetBy'],
    async act({ app, admin, bob: { userId }, settle }) {
      const { token } = (await send(app, 'POST', `/admin/users/${userId}/password-reset`, admin)).json()
      await settle()
      const reset = { token, new_password: `${PASSWORD} 2`, transport: 'body' }
      const session = opened(await send(app, 'POST', '/auth/reset-password', {}, reset))
      const outcome = ofUser('password_reset', userId, 'credential-change')
      return { ...outcome, events: [['password_reset', userId, session]] }
    },
  },
  'an administrator sets a temporary password': {
    through: ['domain/passwords/temporary-password.ts setTemporaryPassword'],
    async act({ app, admin, bob: { userId } }) {
      await send(app, 'POST', `/admin/users/${userId}/temporary-password`, admin)
      return ofUser('temporary_password_set', userId, 'credential-change')
    },
  },
  'an administrator disables a user': {
    through: [`${ADMINISTER} disableUser`],
    async act({ app, admin, bob: { userId } }) {
      await send(app, 'POST', `/admin/users/${userId}/disable`, admin)
      return ofUser('user_disabled', userId, 'account-disabled')
    },
  },
  'an administrator deletes a user': {
    through: [`${ADMINISTER} deleteUser`],
    async act({ app, admin, bob: { userId } }) {
      await send(app, 'DELETE', `/admin/users/${userId}`, admin)
      return ofUser('user_deleted', userId, 'account-purged')
    },
  },
  'a user asks for the deletion of the account': {
    through: [`${DELETE} requestVerified`],
    async act({ app, bob }) {
      await send(app, 'DELETE', '/auth/profile', bearer(bob), { current_password: PASSWORD })
      return ofUser('account_deletion_requested', bob.userId)
    },
  },
  'the deletion of an account is due': {
    through: ['domain/maintenance.ts deleteDueAccounts'],
    async act({ app, bob: { userId } }) {
      await app.context.db.users.requestDeletion(userId, 0)
      await deleteDueAccounts(app.context)
      return ofUser('user_deleted', userId, 'account-purged')
    },
  },
  'an administrator changes the roles of a user': {
    through: [`${ADMINISTER} setRoles`],
    async act({ app, admin, bob: { userId } }) {
      await send(app, 'PATCH', `/admin/users/${userId}`, admin, { roles: ['editor'] })
      return { events: [['roles_changed', userId]], signals: [['token-claims-change', { user: userId }]] }
    },
  },
  'an administrator changes the claims of a user': {
    through: ['domain/accounts/user-data.ts setClaims'],
    async act({ app, admin, bob: { userId } }) {
      await send(app, 'PUT', `/admin/users/${userId}/claims`, admin, { tenant: 'acme' })
      return { events: [['claims_changed', userId]], signals: 'the event has no values, which the signal would need' }
    },
  },
  'the user says in answer to a letter that it was somebody else': {
    through: ['domain/letters/not-me.ts secureAccount'],
    async act({ app, bob: { userId, email }, settle, newEvents }) {
      const { context } = app
      await context.db.transaction(repositories =>
        writeLetter(context, repositories, { type: 'letter_new_device', userId, email }, {}),
      )
      const [letter] = await newEvents()
      const secret = tokenOfLetter(letter!.id, userId, 'not_me', context.secrets.letterKeys[0])
      await settle()
      await setUpMailReceiver(context.db, true)
      await send(app, 'POST', '/auth/not-me', {}, { token: writeOneTimeToken(context.secrets, 'not_me', secret) })
      await setUpMailReceiver(context.db, false)
      return {
        events: [['account_secured', userId]],
        signals: [
          ['session-revoked', { user: userId }],
          ['credential-change', { user: userId }],
        ],
      }
    },
  },
  'a session expires': {
    through: [],
    async act({ app, clock, bob, settle, newEvents }) {
      await clock.advance(400 * 24 * 60 * 60)
      await settle()
      await cleanUp(app.context.db, { ...app.context.config, eventRetentionSeconds: 1e9 })
      const events = (await newEvents()).filter(({ type }) => type === 'session_expired')
      const isOfBob = events.some(({ userId, sessionId }) => userId === bob.userId && sessionId === bob.sessionId)
      if (!isOfBob) throw new Error('the session of bob did not expire')
      return {
        events: events.map(({ type, userId, sessionId }) => [type, userId!, sessionId!]),
        signals: 'it ends by itself everywhere, at a time that its tokens say; the event is written later',
      }
    },
  },
  'accounts are imported': {
    through: [],
    async act({ app }) {
      const lines = [{ number: 1, text: JSON.stringify({ email: 'imported@example.com', password_hash: HASH }) }]
      const watcher = { onRefused: (_: number, reason: string) => t.fail(reason), onProgress() {}, onIgnored() {} }
      await importUsers(app.context, asyncLines(lines), watcher, 'cli')
      return { events: [['users_imported']], signals: 'an import never changes an existing account' }
    },
  },
  'an administrator revokes the sessions of everyone': {
    through: [`${MANY} signOutEveryone`],
    async act({ app, admin }) {
      const before = new Date(app.context.clock()).toISOString()
      await send(app, 'POST', '/admin/revocations', admin, { before })
      return {
        events: [['everyone_signed_out']],
        signals: [['session-revoked', { tenant: app.context.config.issuer }]],
      }
    },
  },
  'a signing key is revoked': {
    through: ['domain/keys/rotate-signing-key.ts revokeSigningKey'],
    async act({ app }) {
      const [{ kid }] = (await app.inject('/.well-known/jwks.json')).json().keys
      await revokeSigningKey(app.context, kid, 'cli')
      return {
        events: [['signing_key_created'], ['signing_key_revoked']],
        signals: 'sessions go on; the JWKS tells receivers that the key is gone',
      }
    },
  },
}

const HASH = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'

async function* asyncLines(lines: Line[]): AsyncGenerator<Line> {
  yield* lines
}

async function openFor(app: FastifyInstance, client: TestClient, userId: string): Promise<string> {
  const authorization = `Bearer ${await clientToken(app, client)}`
  return opened(await send(app, 'POST', `/admin/users/${userId}/sessions`, { authorization }, {}))
}

type StoredEvent = { id: string; type: string; userId: string | null; sessionId: string | null }

t.test('each path of revocation writes one event, one message and one SET for what it ends', async t => {
  const { app, clock, database } = await buildTestApp(t, {
    DELIVERY_ALLOWED_NETWORKS: 'loopback',
    MAX_SESSIONS_PER_USER: '3',
    DIALECTS: 'simple-jwt',
    REFRESH_MIN_AGE: '0s',
    REFRESH_LEEWAY: '0s',
  })
  const { db, dispatcher } = app.context
  const webhook = await startWebhookReceiver(t, { clock: clock.now })
  webhook.secret = (await createWebhook(app.context, { url: webhook.url }, 'cli')).secret
  const receiver = await signalClient(app)
  const streamId = (await receiver.create()).json().stream_id

  const latest = async () => (await db.latestEvents.latest({}, 1000)) as StoredEvent[]
  let known = new Set<string>()
  let messagesBefore = 0
  const newEvents = async () => (await latest()).filter(({ id }) => !known.has(id))
  const settle = async () => {
    await app.context.background.settled()
    await dispatcher!.runNow()
    await receiver.drain(streamId)
    known = new Set((await latest()).map(({ id }) => id))
    messagesBefore = webhook.arrived.length
  }
  const deleteSession = (id: string) => database.admin`delete from sessions where id = ${id}`

  for (const [title, { act }] of Object.entries(PATHS))
    await t.test(title, async t => {
      const laptop = await signUp(app)
      const phone = await signIn(app, laptop.email)
      const bob = await signUp(app)
      const authorization = `Bearer ${await clientToken(app, await makeClient(app, 'admin'))}`
      await settle()
      const people = { laptop, phone, bob, admin: { authorization } }
      const outcome = await act({ app, clock, ...people, settle, newEvents, deleteSession })
      await dispatcher!.runNow()
      // A letter goes only to receivers that name its type.
      const events = (await newEvents()).filter(({ type }) => !type.startsWith('letter_'))
      same(
        t,
        events.map(({ type, userId, sessionId }) => [type, userId, sessionId]),
        outcome.events.map(complete),
      )
      const messages = webhook.arrived.slice(messagesBefore)
      same(
        t,
        messages.map(message => message.data.event_id),
        events.map(event => event.id),
      )
      const sets = await receiver.drain(streamId)
      const expected = typeof outcome.signals === 'string' ? [] : outcome.signals
      same(
        t,
        sets.map(({ type, sub_id }) => [type, subjectOf(sub_id)]),
        expected,
      )
      t.ok(sets.every(({ txn }) => events.some(event => event.id === txn)))
    })
})

t.test('no function commits a revocation without a path in this list', async t => {
  const inCode = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts') && !file.endsWith('commit-and-announce.ts'))
    .flatMap(callersIn)
  const tested = Object.values(PATHS).flatMap(({ through }) => through)
  // It repeats what a failover lost, and writes no events (docs/shared-signals.md).
  same(t, [...new Set(inCode)], [...new Set(tested), 'domain/maintenance.ts repairRevocations'])
})

/** The functions of a file that can write to the journal. */
function callersIn(file: string): string[] {
  const text = readFileSync(join('src', file), 'utf8')
  const calls = [...text.matchAll(/\b(?:commitAndAnnounce|withJournalWrites)\(/g)]
  return calls.map(({ index }) => {
    const names = [...text.slice(0, index).matchAll(/^(?:export )?(?:async )?function (\w+)/gm)]
    return `${file} ${names.at(-1)?.[1]}`
  })
}

const complete = ([type, userId = null as never, sessionId = null as never]: Expected) => [type, userId, sessionId]

function subjectOf({ format, sub, user, session, tenant }: Record<string, unknown>): object {
  if (format === 'iss_sub') return { user: sub }
  const part = (value: unknown, name: string) => (value as Record<string, unknown> | undefined)?.[name]
  if (tenant) return { tenant: part(tenant, 'uri') }
  return { user: part(user, 'sub'), session: part(session, 'id') }
}

/** In whatever order. */
function same(t: Test, found: unknown[], wanted: unknown[]): void {
  const sorted = (list: unknown[]) => list.map(item => JSON.stringify(item)).sort()
  t.same(sorted(found), sorted(wanted))
}
