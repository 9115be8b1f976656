import { Writable } from 'node:stream'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { setRoles } from '../../../src/domain/accounts/administer-users.js'
import { revokeSigningKey } from '../../../src/domain/keys/rotate-signing-key.js'
import { signOutEveryone } from '../../../src/domain/sessions/end-many-sessions.js'
import type { AddedEvent } from '../../../src/postgres/security-events.js'
import { buildApp } from '../../../src/server/app.js'
import { loggerOptions } from '../../../src/server/logging.js'
import { buildTestApp, type TestApp } from '../../support/build-test-app.js'
import { until } from '../../support/eventually.js'
import { get, PASSWORD, post, signIn, signUp } from '../../support/people.js'

/** The service with its log lines about security events. */
async function open(t: Test, settings: NodeJS.ProcessEnv = {}) {
  const test = await buildTestApp(t, settings)
  const lines: Record<string, unknown>[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  const app = await buildApp(test.config, test.stores, {
    clock: test.clock.now,
    log: pino(loggerOptions('info'), sink),
  })
  t.teardown(() => app.close())
  return { ...test, app, lines, logged: () => lines.filter(({ event }) => event !== undefined) }
}

function heardBy({ app }: TestApp): AddedEvent[] {
  const heard: AddedEvent[] = []
  app.context.eventListeners.add(event => heard.push(event))
  return heard
}

const typesOf = (events: readonly AddedEvent[]) => events.map(({ type }) => type)

t.test('a committed event is logged once, with the id of its request and without the e-mail', async t => {
  const { app, logged, lines } = await open(t)
  const ada = await signUp(app)
  await until(() => logged().length === 1)
  t.match(logged(), [
    { level: 30, event: 'registered', userId: ada.userId, sessionId: ada.sessionId, actor: 'user', ip: '127.0.0.1' },
  ])
  const [event] = logged()
  const request = lines.find(({ msg }) => msg === 'request completed')
  t.type(event!.reqId, 'string')
  t.equal(event!.reqId, request!.reqId)
  t.match(event!.eventId, /^[0-9a-f-]{36}$/)
  t.ok(Math.abs(Date.parse(String(event!.at)) - Date.now()) < 60_000)
  t.notMatch(JSON.stringify(logged()), ada.email)
  t.notMatch(JSON.stringify(logged()), PASSWORD)
})

t.test('LOG_SECURITY_EVENTS=off logs no event', async t => {
  const test = await open(t, { LOG_SECURITY_EVENTS: 'off' })
  const heard = heardBy(test)
  await signUp(test.app)
  await until(() => heard.length === 1)
  t.strictSame(test.logged(), [])
})

t.test('events written outside of a transaction are announced too', async t => {
  const test = await open(t)
  const ada = await signUp(test.app)
  const heard = heardBy(test)
  await post(test.app, '/auth/login', { email: ada.email, password: 'not the password' })
  await until(() => heard.length === 1)
  t.match(heard, [{ type: 'sign_in_failed', userId: ada.userId, ip: '127.0.0.1', requestId: /./ }])
})

t.test('an event of a transaction that was rolled back is not announced', async t => {
  const test = await open(t)
  const { db } = test.app.context
  const heard = heardBy(test)
  const refused = db.transaction(async ({ securityEvents }) => {
    await securityEvents.add({ type: 'users_imported', actor: 'cli' })
    throw new Error('rolled back')
  })
  await t.rejects(refused, { message: 'rolled back' })
  await db.securityEvents.add({ type: 'client_created', actor: 'cli' })
  await until(() => heard.length > 0)
  t.strictSame(typesOf(heard), ['client_created'])
  t.equal(test.logged().length, 1)
})

t.test('an event of a transaction that was run again is announced once', async t => {
  const test = await open(t)
  const heard = heardBy(test)
  let attempts = 0
  await test.app.context.db.transaction(async ({ securityEvents }) => {
    await securityEvents.add({ type: 'users_imported', actor: 'cli' })
    // As Postgres reports a deadlock.
    if (++attempts === 1) throw Object.assign(new Error('deadlock'), { code: '40P01' })
  })
  await until(() => heard.length > 0)
  t.equal(attempts, 2)
  t.equal(heard.length, 1)
  t.equal(test.logged().length, 1)
})

t.test('an event that exists already is not announced again', async t => {
  const test = await open(t)
  const { securityEvents } = test.app.context.db
  const heard = heardBy(test)
  const event = { id: '0193d1a0-0000-7000-8000-000000000001', type: 'session_expired', actor: 'system' } as const
  await securityEvents.add({ ...event, at: new Date(0) })
  await securityEvents.add(event)
  await securityEvents.add({ type: 'signed_in', actor: 'user' })
  await until(() => heard.length > 1)
  t.strictSame(typesOf(heard), ['session_expired', 'signed_in'])
  t.equal(heard[0]!.at.getTime(), 0, 'the time of the event, not of the announcement')
})

t.test('administration and signing keys are announced', async t => {
  const test = await open(t)
  const { context } = test.app
  const ada = await signUp(test.app)
  const heard = heardBy(test)
  await setRoles(context, ada.email, ['editor'], 'cli')
  await signOutEveryone(context, 'cli')
  const [key] = await context.db.signingKeys.all()
  const successor = await revokeSigningKey(context, key!.kid, 'cli')
  await until(() => heard.length === 4)
  t.match(heard, [
    { type: 'roles_changed', userId: ada.userId, details: { roles: ['editor'] } },
    { type: 'everyone_signed_out', actor: 'cli' },
    { type: 'signing_key_created', actor: 'cli', details: { kid: successor } },
    { type: 'signing_key_revoked', actor: 'cli', details: { kid: key!.kid } },
  ])
})

t.test('the event of an administrator has the id of their request', async t => {
  const test = await open(t)
  const admin = await signUp(test.app)
  await setRoles(test.app.context, admin.email, ['admin'], 'cli')
  const { accessToken } = await signIn(test.app, admin.email)
  const ada = await signUp(test.app)
  const heard = heardBy(test)
  const headers = { authorization: `Bearer ${accessToken}` }
  await post(test.app, `/admin/users/${ada.userId}/disable`, {}, headers)
  await until(() => heard.length > 0)
  t.match(heard, [{ type: 'user_disabled', userId: ada.userId, actor: admin.userId, requestId: /^[0-9a-f-]{36}$/ }])
})

t.test('a listener that throws does not change the answer', async t => {
  const test = await open(t)
  test.app.context.eventListeners.add(() => {
    throw new Error('a mistake of the application')
  })
  const ada = await signUp(test.app)
  t.ok((await signIn(test.app, ada.email)).accessToken)
  await until(() => test.lines.some(({ msg }) => String(msg).includes('a mistake of the application')))
})

t.test('a log that throws changes neither the answer nor the revocation', async t => {
  const test = await buildTestApp(t)
  const mixin = ({ event }: { event?: string }) => {
    if (event === 'signed_out') throw new Error('a mistake of the application')
    return {}
  }
  const sink = new Writable({ write: (_chunk, _encoding, done) => done() })
  const log = pino({ ...loggerOptions('info'), mixin: mixin as (fields: object) => object }, sink)
  const app = await buildApp(test.config, test.stores, { clock: test.clock.now, log })
  t.teardown(() => app.close())
  const ada = await signUp(app)
  const authorization = `Bearer ${ada.accessToken}`
  t.equal((await post(app, '/auth/logout', {}, { authorization })).statusCode, 204)
  t.equal((await get(app, '/auth/profile', ada.accessToken)).json().code, 'token_revoked')
})
