import t from 'tap'
import { eventTypesOf, SESSION_REVOKED, SIGNALS_OF } from '../../src/domain/signals/signal-types.js'
import { signalsOf } from '../../src/domain/signals/signals-of.js'
import { SECURITY_EVENT_TYPES } from '../../src/postgres/security-event-types.js'
import type { SecurityEvent } from '../../src/postgres/security-events.js'

const ISSUER = 'https://id.example.com'
const EVENT: SecurityEvent = {
  id: '01920000-0000-7000-8000-000000000001',
  at: new Date('2026-01-02T03:04:05.678Z'),
  type: 'session_revoked',
  userId: 'ada',
  sessionId: 'laptop',
  actor: 'user',
  ip: '203.0.113.7',
  userAgent: 'Firefox',
  details: null,
}

t.test('a signal has the time in whole seconds, who caused it, and why, but neither address nor browser', async t => {
  const [signal, ...others] = signalsOf(EVENT, ISSUER)
  t.same(others, [])
  t.equal(signal!.type, SESSION_REVOKED)
  t.match(signal!.claims, { event_timestamp: 1767323045, initiating_entity: 'user', reason_admin: { en: /./ } })
  t.same(Object.keys(signal!.claims.reason_user as object), ['en', 'fr', 'es'])
  t.notMatch(JSON.stringify(signal), /203\.0\.113\.7|Firefox/)
})

t.test('an actor is a user, a policy of the service, or an administrator', async t => {
  const initiator = (actor: string) => signalsOf({ ...EVENT, actor }, ISSUER)[0]!.claims.initiating_entity
  t.same(['user', 'system', 'cli', 'a-client'].map(initiator), ['user', 'policy', 'admin', 'admin'])
})

t.test('new roles are the claims that changed', async t => {
  const [signal] = signalsOf({ ...EVENT, type: 'roles_changed', details: { roles: ['editor'] } }, ISSUER)
  t.same(signal!.subject, { format: 'iss_sub', iss: ISSUER, sub: 'ada' })
  t.same(signal!.claims.claims, { roles: ['editor'] })
})

t.test('everyone is the tenant, with the time before which the sessions began', async t => {
  const event = {
    ...EVENT,
    type: 'everyone_signed_out' as const,
    userId: null,
    sessionId: null,
    details: { before: 7 },
  }
  const [signal] = signalsOf(event, ISSUER)
  t.same(signal!.subject, { format: 'complex', tenant: { format: 'uri', uri: ISSUER } })
  t.equal(signal!.claims.sessions_began_before, 7)
})

t.test('an event that does not say which sessions ended is no signal', async t => {
  t.same(signalsOf({ ...EVENT, type: 'signed_out', details: { scope: 'others' } }, ISSUER), [])
  t.same(signalsOf({ ...EVENT, sessionId: null }, ISSUER), [])
  t.same(signalsOf({ ...EVENT, type: 'user_disabled', userId: null }, ISSUER), [])
})

t.test('every type of event makes the signals that the table lists, and no other', async t => {
  for (const type of SECURITY_EVENT_TYPES) {
    const found = signalsOf({ ...EVENT, type }, ISSUER)
    t.same(
      found.map(signal => signal.type),
      SIGNALS_OF[type] ?? [],
      type,
    )
    t.ok(found.every(({ claims }) => (claims.reason_admin as { en: string }).en.length > 0))
  }
})

t.test('a stream gets the events of its types only', async t => {
  t.same(eventTypesOf([]), [])
  t.ok(eventTypesOf([SESSION_REVOKED]).includes('user_disabled'))
  t.notOk(eventTypesOf([SESSION_REVOKED]).includes('roles_changed'))
  t.notOk(eventTypesOf([SESSION_REVOKED]).includes('signed_in'))
})
