import t from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { writeLocationFile } from '../support/location-file.js'
import { get, PASSWORD, type Person, post, signIn, signUp } from '../support/people.js'

const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0'
const EDGE =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0'
const BEHIND_PROXY = { TRUST_PROXY: '127.0.0.1/32' }

/** Refreshes with these headers, waits for the background work too, and returns the number of statements. */
async function refreshFrom(
  { app, stores, clock }: TestApp,
  person: Person,
  headers: Record<string, string>,
): Promise<number> {
  await clock.advance(31)
  const before = stores.db.statementsSent
  const response = await post(app, '/auth/refresh', { refresh_token: person.refreshToken }, headers)
  if (response.statusCode !== 200) throw new Error(response.body)
  person.refreshToken = response.json().refresh_token
  await app.context.background.settled()
  return stores.db.statementsSent - before
}

/** A session as another session of its user lists it. */
async function seen({ app }: TestApp, by: Person, { sessionId }: Person) {
  const list = (await get(app, '/auth/sessions', by.accessToken)).json()
  return list.find(({ id }: { id: string }) => id === sessionId)
}

t.test('a session whose browser was updated is listed with the new browser', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const laptop = await signIn(test.app, ada.email, FIREFOX)
  t.match(await seen(test, ada, laptop), { device: { browser: 'Firefox', os: 'Windows', kind: 'desktop' } })

  t.equal(await refreshFrom(test, laptop, { 'user-agent': FIREFOX }), 1, 'the same browser: only the rotation')
  t.equal(await refreshFrom(test, laptop, { 'user-agent': EDGE }), 2, 'another browser is written once')
  t.match(await seen(test, ada, laptop), { device: { browser: 'Microsoft Edge', os: 'Windows' } })
  t.equal(await refreshFrom(test, laptop, { 'user-agent': EDGE }), 1)
  t.equal(await refreshFrom(test, laptop, { 'user-agent': '' }), 1, 'without a User-Agent the browser stays the same')
  t.match(await seen(test, ada, laptop), { device: { browser: 'Microsoft Edge' } })
})

t.test('a refresh from the same browser and address as the last one does not write to the session', async t => {
  const test = await buildTestApp(t, { REFRESH_MIN_AGE: '0s', REFRESH_LEEWAY: '0s' })
  const ada = await signUp(test.app)
  const version = async () => {
    const [row] = await test.database.admin`select xmin::text, ctid::text from sessions where id = ${ada.sessionId}`
    return row
  }
  const before = await version()
  for (let round = 0; round < 5; round++) await refreshFrom(test, ada, {})
  t.strictSame(await version(), before)
})

t.test('tabs that refresh at once after a browser update write the new browser once', async t => {
  const test = await buildTestApp(t)
  const other = await signUp(test.app)
  const ada = await signIn(test.app, other.email)
  const writes = async () => {
    await test.app.context.background.settled()
    const [row] = await test.database.admin`select xmin::text from sessions where id = ${ada.sessionId}`
    return row!.xmin
  }
  const refreshTab = () => post(test.app, '/auth/refresh', { refresh_token: ada.refreshToken }, { 'user-agent': EDGE })
  await Promise.all(Array.from({ length: 5 }, refreshTab))
  const first = await writes()
  await test.app.context.db.sessions.updateOrigin(ada.sessionId, {
    browser: { userAgent: EDGE, device: { browser: 'Microsoft Edge', os: 'Windows', kind: 'desktop' } },
  })
  t.equal(await writes(), first, 'an unchanged browser is not written again')
  t.match(await seen(test, other, ada), { device: { browser: 'Microsoft Edge' } })
})

t.test('a session is listed with its latest address and location', async t => {
  const LOCATION_DATABASE = await writeLocationFile(t, {
    '203.0.113.0/24': { country: { iso_code: 'GB' }, city: { names: { en: 'London' } } },
    '198.51.100.0/24': { country: { iso_code: 'PT' } },
  })
  const test = await buildTestApp(t, { ...BEHIND_PROXY, LOCATION_DATABASE })
  const ada = await signUp(test.app)
  const from = (ip: string) => ({ 'x-forwarded-for': ip })
  const credentials = { email: ada.email, password: PASSWORD, transport: 'body' }
  const body = (await post(test.app, '/auth/login', credentials, from('203.0.113.7'))).json()
  const phone = { ...ada, sessionId: body.session_id, accessToken: body.access_token, refreshToken: body.refresh_token }
  t.match(await seen(test, ada, phone), { ip: '203.0.113.7', location: { country: 'GB', city: 'London' } })

  t.equal(await refreshFrom(test, phone, from('198.51.100.9')), 2)
  t.match(await seen(test, ada, phone), { ip: '198.51.100.9', location: { country: 'PT', city: null } })
  await refreshFrom(test, phone, from('192.0.2.1'))
  t.match(await seen(test, ada, phone), { ip: '192.0.2.1', location: null }, 'the earlier location is not kept')
})

t.test('an IP address in another spelling is the same address', async t => {
  const test = await buildTestApp(t, BEHIND_PROXY)
  const ada = await signUp(test.app)
  await refreshFrom(test, ada, { 'x-forwarded-for': '2001:db8::1' })
  t.equal(await refreshFrom(test, ada, { 'x-forwarded-for': '2001:0DB8:0:0::0001' }), 1)
  t.equal(await refreshFrom(test, ada, { 'x-forwarded-for': '2001:db8::2' }), 2)
})

t.test('the client address is found behind proxies that append the port', async t => {
  const TRUST_PROXY = 'loopback,10.0.0.0/8,::ffff:172.16.0.0/108,2001:db8:ffff::/48'
  const test = await buildTestApp(t, { TRUST_PROXY })
  const ada = await signUp(test.app)
  const phone = await signIn(test.app, ada.email)
  for (const hop of ['10.0.0.9:41234', '[::ffff:10.0.0.9]:41234', '172.16.0.9:1', '[2001:db8:ffff::9]:41234']) {
    await refreshFrom(test, phone, { 'x-forwarded-for': `192.0.2.66, 203.0.113.7:50123, ${hop}` })
    t.match(await seen(test, ada, phone), { ip: '203.0.113.7' }, hop)
    await refreshFrom(test, phone, { 'x-forwarded-for': `192.0.2.66, [2001:db8::7]:50123, ${hop}` })
    t.match(await seen(test, ada, phone), { ip: '2001:db8::7' }, hop)
  }
  await refreshFrom(test, phone, { 'x-forwarded-for': '203.0.113.7, 192.0.2.66:41234' })
  t.match(await seen(test, ada, phone), { ip: '192.0.2.66' }, 'an untrusted proxy is the client')
  await refreshFrom(test, phone, { 'x-forwarded-for': '203.0.113.7, ::ffff:192.0.2.67' })
  t.match(await seen(test, ada, phone), { ip: '192.0.2.67' }, 'an IPv4-mapped address is stored as IPv4')
})

t.test('the session list shows the caller’s session with the browser of this request', async t => {
  const { app, stores } = await buildTestApp(t)
  const ada = await signUp(app)
  const other = await signIn(app, ada.email, FIREFOX)
  const before = stores.db.statementsSent
  const headers = { authorization: `Bearer ${ada.accessToken}`, 'user-agent': EDGE }
  const list = (await app.inject({ method: 'GET', url: '/auth/sessions', headers })).json()
  await app.context.background.settled()
  t.ok(stores.db.statementsSent - before <= 2, 'in two statements, the second in the background')
  t.match(list[1], { id: ada.sessionId, current: true, device: { browser: 'Microsoft Edge' } })
  t.match(list[0], { id: other.sessionId, current: false, device: { browser: 'Firefox' } }, 'others are unchanged')
})

t.test('the address of a session that ended is not updated', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  await post(test.app, '/auth/logout', { refresh_token: ada.refreshToken })
  await test.app.context.db.sessions.updateOrigin(ada.sessionId, { address: { ip: '192.0.2.1', location: null } })
  const [row] = await test.database.admin`select host(ip) as ip from sessions where id = ${ada.sessionId}`
  t.equal(row!.ip, '127.0.0.1')
})

t.test('the session list says how the user signed in and when the session ends', async t => {
  const test = await buildTestApp(t, { SESSION_MAX_AGE: '10d' })
  const ada = await signUp(test.app)
  const created = await seen(test, ada, ada)
  t.match(created, { auth_methods: ['pwd'], transport: 'body', remember: true })
  const days = (at: string) => Math.round((Date.parse(at) - Date.parse(created.created_at)) / 86_400_000)
  t.equal(days(created.idle_expires_at), 7)
  t.equal(days(created.expires_at), 10)
  await test.clock.advance(6 * 86_400)
  await refreshFrom(test, ada, {})
  const later = await test.app.context.db.sessions.liveOf(ada.userId)
  t.equal(days(later[0]!.idleExpiresAt.toISOString()), 10, 'the idle end never exceeds the absolute end')
  t.equal(days(later[0]!.expiresAt.toISOString()), 10)
})
