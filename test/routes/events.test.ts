import t from 'tap'
import { disableUser, enableUser, setRoles } from '../../src/domain/accounts/administer-users.js'
import { listEvents } from '../../src/domain/events/list-events.js'
import { cleanUp } from '../../src/domain/maintenance.js'
import { signOutEveryone } from '../../src/domain/sessions/end-many-sessions.js'
import { newId } from '../../src/lib/ids.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { writeLocationFile } from '../support/location-file.js'
import { get, PASSWORD, type Person, post, refreshed, refreshWithTicket, signIn, signUp } from '../support/people.js'

const DAY = 24 * 60 * 60
const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0'

interface ListedEvent {
  id: string
  at: string
  type: string
  session_id: string | null
  actor: string
  ip: string | null
  user_agent: string | null
  device: object | null
  details: Record<string, unknown>
}

/** The events that a user can read, newest first, after all background writes. */
async function eventsOf(
  { app }: TestApp,
  { accessToken }: Person,
  query = '',
): Promise<{ events: ListedEvent[]; next: string }> {
  await app.context.background.settled()
  const response = await get(app, `/auth/events${query}`, accessToken)
  if (response.statusCode !== 200) throw new Error(response.body)
  return response.json()
}

/** The latest event. */
async function latest(test: TestApp, person: Person): Promise<ListedEvent> {
  return (await eventsOf(test, person)).events[0]!
}

const end = ({ app }: TestApp, { accessToken }: Person, which: string) =>
  app.inject({ method: 'DELETE', url: `/auth/sessions/${which}`, headers: { authorization: `Bearer ${accessToken}` } })

t.test('a user can read why each of their sessions ended, and who ended it', async t => {
  const test = await buildTestApp(t)
  const { app, clock } = test
  const ada = await signUp(app)
  t.match(await latest(test, ada), { type: 'registered', session_id: ada.sessionId, actor: 'user', ip: '127.0.0.1' })

  const left = await signIn(app, ada.email)
  await post(app, '/auth/logout', { refresh_token: left.refreshToken })
  t.match(await latest(test, ada), { type: 'signed_out', session_id: left.sessionId, details: { scope: 'session' } })

  const lost = await signIn(app, ada.email)
  await end(test, ada, lost.sessionId)
  t.match(await latest(test, ada), { type: 'session_revoked', session_id: lost.sessionId, actor: 'user' })

  const other = await signIn(app, ada.email)
  await end(test, ada, 'others')
  t.match(await latest(test, ada), { type: 'session_revoked', session_id: other.sessionId, actor: 'user' })

  const stolen = await signIn(app, ada.email)
  const first = await refreshed(app, stolen.refreshToken)
  await clock.advance(31)
  await refreshed(app, first)
  await refreshWithTicket(app, stolen.refreshToken)
  t.match(await latest(test, ada), { type: 'refresh_token_reused', session_id: stolen.sessionId, actor: 'system' })

  await post(app, '/auth/login', { email: ada.email, password: 'not the passphrase' }, { 'user-agent': FIREFOX })
  t.match(await latest(test, ada), {
    type: 'sign_in_failed',
    session_id: null,
    user_agent: FIREFOX,
    device: { browser: 'Firefox', os: 'Windows', kind: 'desktop' },
  })

  const change = { email: ada.email, current_password: PASSWORD, new_password: 'another passphrase', transport: 'body' }
  const changed = (await post(app, '/auth/change-password', change)).json()
  const again = { ...ada, accessToken: changed.access_token, refreshToken: changed.refresh_token }
  t.match(await latest(test, again), { type: 'password_changed', session_id: changed.session_id, actor: 'user' })
})

t.test('repeating a refresh whose response was lost is listed as refresh_replayed', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const phone = await signIn(test.app, ada.email)
  await refreshed(test.app, phone.refreshToken)
  await test.clock.advance(60)
  await refreshed(test.app, phone.refreshToken)
  t.match(await latest(test, ada), { type: 'refresh_replayed', session_id: phone.sessionId, details: {} })
})

t.test('only the first sign-in from a new device is marked as new_device', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const isNew = async () => (await latest(test, ada)).details.new_device
  await signIn(test.app, ada.email)
  t.equal(await isNew(), undefined, 'the account was created on this device')

  const firefox = await signIn(test.app, ada.email, FIREFOX)
  t.equal(await isNew(), true)
  await signIn(test.app, ada.email, FIREFOX.replaceAll('133.0', '134.0'))
  t.equal(await isNew(), undefined, 'a browser update does not make it another device')
  await end(test, ada, firefox.sessionId)
  await signIn(test.app, ada.email, FIREFOX)
  t.equal(await isNew(), undefined, 'signing out does not make it another device')

  const bob = await signUp(test.app)
  await signIn(test.app, bob.email, FIREFOX)
  t.equal((await latest(test, bob)).details.new_device, true, 'devices of other users do not count')
})

t.test('an event caused by an administrator is shown without the administrator’s identity and address', async t => {
  const test = await buildTestApp(t)
  const { app } = test
  const ada = await signUp(app)
  const administrator = await signUp(app)
  await setRoles(app.context, ada.email, ['editor'], administrator.userId)
  const renewed = async () => {
    const response = await post(app, '/auth/login', { email: ada.email, password: PASSWORD, transport: 'body' })
    return { ...ada, accessToken: response.json().access_token }
  }
  const caused = { ip: '192.0.2.99', userAgent: 'AdminTool/1.0', details: { ticket: 4711, reason: 'stolen laptop' } }
  const event = { type: 'session_revoked', userId: ada.userId, actor: administrator.userId } as const
  await app.context.db.securityEvents.add({ ...event, ...caused })
  const mine = (await eventsOf(test, await renewed())).events
  const revoked = mine.find(({ type }) => type === 'session_revoked')!
  t.strictSame(revoked, {
    id: revoked.id,
    at: revoked.at,
    type: 'session_revoked',
    session_id: null,
    actor: 'administrator',
    ip: null,
    user_agent: null,
    device: null,
    location: null,
    details: { reason: 'stolen laptop' },
  })
  t.match(
    mine.find(({ type }) => type === 'roles_changed'),
    { actor: 'administrator', details: { roles: ['editor'] } },
  )

  await disableUser(app.context, ada.email, 'cli')
  await post(app, '/auth/login', { email: ada.email, password: PASSWORD })
  await enableUser(app.context, ada.email, 'cli')
  const types = (await eventsOf(test, await renewed())).events.map(({ type, actor }) => `${type} by ${actor}`)
  t.strictSame(types.slice(1, 4), [
    'user_enabled by administrator',
    'sign_in_failed by user',
    'user_disabled by administrator',
  ])

  const page = await listEvents(app.context, { userId: ada.userId, limit: 50 })
  const whole = page.events.find(({ type }) => type === 'session_revoked')
  t.match(
    whole,
    { actor: administrator.userId, ip: '192.0.2.99', details: { ticket: 4711 } },
    'administrators see all of it',
  )
  t.match(whole!.device, { browser: 'AdminTool' })
})

t.test('the event everyone_signed_out is listed only for accounts that existed before it', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  await signOutEveryone(test.app.context, 'cli')
  await test.clock.advance(2)
  const bob = await signUp(test.app)
  const again = await signIn(test.app, ada.email)
  t.strictSame(
    (await eventsOf(test, again)).events.map(({ type }) => type),
    ['signed_in', 'everyone_signed_out', 'registered'],
  )
  t.strictSame(
    (await eventsOf(test, bob)).events.map(({ type }) => type),
    ['registered'],
  )

  await test.clock.advance(8 * DAY)
  const back = await signIn(test.app, ada.email)
  t.strictSame(
    (await eventsOf(test, back)).events.filter(isExpiry).map(({ session_id }) => session_id),
    [again.sessionId],
    'sessions that it revoked are not listed as expired',
  )
})

t.test('a session that expired before everyone was signed out is listed as expired', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  await test.clock.advance(8 * DAY)
  await signOutEveryone(test.app.context, 'cli')
  await test.clock.advance(2)
  const { events } = await eventsOf(test, await signIn(test.app, ada.email))
  t.match(events.find(isExpiry), { session_id: ada.sessionId, details: { reason: 'idle' } })
})

t.test('a session that idled out has an event at once, which is kept as long as other events', async t => {
  const test = await buildTestApp(t, { EVENT_RETENTION: '90d' })
  const { app, clock, database } = test
  const ada = await signUp(app)
  const laptop = await signIn(app, ada.email, FIREFOX)
  await clock.advance(6 * DAY)
  ada.refreshToken = await refreshed(app, ada.refreshToken)
  t.notOk(
    (await listEvents(app.context, { userId: ada.userId, limit: 9 })).events.find(isExpiry),
    'the session is not expired yet',
  )
  await clock.advance(2 * DAY)

  const here = await signIn(app, ada.email)
  const expiry = (await eventsOf(test, here)).events.find(isExpiry)!
  t.match(expiry, {
    session_id: laptop.sessionId,
    actor: 'system',
    ip: null,
    device: { browser: 'Firefox' },
    details: { reason: 'idle' },
  })
  const [row] = await database.admin`select expires_at from refresh_tokens where session_id = ${laptop.sessionId}`
  t.equal(Date.parse(expiry.at), row!.expires_at.getTime(), 'at the instant of its expiry')
  t.equal((await eventsOf(test, here)).events.filter(isExpiry).length, 1, 'repeated reads do not add events')

  await clock.advance(25 * DAY)
  t.match(await cleanUp(app.context.db, test.config), { sessions: 2 })
  const later = (await eventsOf(test, await signIn(app, ada.email))).events.filter(isExpiry)
  t.strictSame(
    later.map(({ session_id }) => session_id),
    [here.sessionId, ada.sessionId, laptop.sessionId],
  )
  t.strictSame(later.at(-1), expiry)
})

t.test('the clean-up writes an event for each session that expired, and for no other', async t => {
  const test = await buildTestApp(t, { SESSION_MAX_AGE: '10d' })
  const { app, clock, database } = test
  const ada = await signUp(app)
  const devices = await Promise.all(Array.from({ length: 5 }, () => signIn(app, ada.email)))
  const [busy, loggedOut] = [devices[0]!, devices[1]!]
  await post(app, '/auth/logout', { refresh_token: loggedOut.refreshToken })
  await clock.advance(6 * DAY)
  await refreshed(app, busy.refreshToken)
  await clock.advance(6 * DAY)

  t.match(await cleanUp(app.context.db, { ...test.config, batchSize: 2 }), { sessions: 6 })
  const rows = await database.admin`
    select details->>'reason' as reason, count(*)::int, bool_and(at < now()) as past from security_events
    where type = 'session_expired' group by 1 order by 1`
  t.strictSame(
    rows.map(row => ({ ...row })),
    [
      { reason: 'idle', count: 4, past: true },
      { reason: 'max_age', count: 1, past: true },
    ],
  )
})

t.test('paging through events returns each event once, even if many have the same instant', async t => {
  const test = await buildTestApp(t)
  const { app } = test
  const ada = await signUp(app)
  const at = new Date()
  const events = Array.from(
    { length: 25 },
    () => ({ type: 'signed_in', userId: ada.userId, actor: 'user', at }) as const,
  )
  await app.context.db.securityEvents.addAll(events)
  await signOutEveryone(app.context, 'cli')
  await test.clock.advance(2)
  const again = await signIn(app, ada.email)

  const seen: string[] = []
  let page = await eventsOf(test, again, '?limit=10')
  t.equal(page.events.length, 10)
  for (;;) {
    seen.push(...page.events.map(({ id }) => id))
    if (page.next === null) break
    page = await eventsOf(test, again, `?limit=10&before=${page.next}`)
  }
  t.equal(seen.length, 28)
  t.equal(new Set(seen).size, 28)
  const whole = (await eventsOf(test, again, '?limit=100')).events
  t.strictSame(
    whole.map(({ id }) => id),
    seen,
  )
  t.equal((await eventsOf(test, again)).events.length, 20, 'the default limit is 20')

  const bob = await signUp(app)
  const beforeBobs = await eventsOf(test, again, `?before=${(await latest(test, bob)).id}`)
  t.strictSame(beforeBobs, { events: [], next: null }, 'an event of another user is not a valid cursor')
  t.strictSame(await eventsOf(test, again, `?before=${newId()}`), { events: [], next: null })
  for (const query of ['limit=0', 'limit=101', 'limit=1e1', 'before=1', 'limit=1&limit=2', 'of=everyone'])
    t.equal((await get(app, `/auth/events?${query}`, again.accessToken)).statusCode, 400, query)
})

t.test('reading events requires an access token, and the response is not cached', async t => {
  const { app } = await buildTestApp(t)
  t.equal((await app.inject('/auth/events')).json().code, 'authentication_required')
  const ada = await signUp(app)
  t.equal((await get(app, '/auth/events', ada.accessToken)).headers['cache-control'], 'no-store')
})

t.test('a sign-in refused by the session limit has an event', async t => {
  const test = await buildTestApp(t, { MAX_SESSIONS_PER_USER: '1', MAX_SESSIONS_POLICY: 'deny' })
  const ada = await signUp(test.app)
  await post(test.app, '/auth/login', { email: ada.email, password: PASSWORD })
  t.match(await latest(test, ada), { type: 'sign_in_failed', details: { reason: 'too_many_sessions' } })
})

function isExpiry({ type }: { type: string }): boolean {
  return type === 'session_expired'
}

t.test('an event has the location of its address, if the database of locations knows it', async t => {
  const LOCATION_DATABASE = await writeLocationFile(t, {
    '203.0.113.0/24': { country: { iso_code: 'FR' }, city: { names: { en: 'Lyon' } } },
  })
  const { app } = await buildTestApp(t, { LOCATION_DATABASE })
  const credentials = { email: 'ada@example.com', password: PASSWORD, transport: 'body' }
  const send = (url: string, remoteAddress: string) =>
    app.inject({ method: 'POST', url, payload: credentials, remoteAddress })
  await send('/auth/register', '203.0.113.7')
  const token = (await send('/auth/login', '198.51.100.1')).json().access_token
  const { events } = (await app.inject({ url: '/auth/events', headers: { authorization: `Bearer ${token}` } })).json()
  t.match(events, [{ location: null }, { location: { country: 'FR', city: 'Lyon' } }])
})
