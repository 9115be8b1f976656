import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { get, PASSWORD, signUp } from '../support/people.js'

const PROXY = '10.0.0.1'
const LIMITED = { RATE_LIMIT: 'on', RATE_LIMIT_PER_ADDRESS: '5', TRUST_PROXY: '10.0.0.0/8' }

/** A sign-in with a password that may be right, from somewhere. */
function attempt(
  { app }: Pick<TestApp, 'app'>,
  from: { remoteAddress?: string; xff?: string; url?: string },
  payload: object = { email: 'nobody@example.com', password: 'x' },
): Promise<LightMyRequestResponse> {
  const { remoteAddress = PROXY, xff, url = '/auth/login' } = from
  const headers = xff === undefined ? {} : { 'x-forwarded-for': xff }
  return app.inject({ method: 'POST', url, payload, remoteAddress, headers })
}

async function statuses(times: number, one: (index: number) => Promise<LightMyRequestResponse>): Promise<number[]> {
  const seen: number[] = []
  for (let index = 0; index < times; index++) seen.push((await one(index)).statusCode)
  return seen
}

const REFUSED = [401, 401, 401, 401, 401, 429]

t.test('what a client writes into X-Forwarded-For gives it no new count', async t => {
  const test = await buildTestApp(t, LIMITED)
  const spoofed = (index: number) => attempt(test, { xff: `198.51.100.${index}, 192.0.2.66` })
  t.same(await statuses(6, spoofed), REFUSED, 'left of what the proxy saw')
  t.equal((await attempt(test, { xff: '192.0.2.66' })).statusCode, 429, 'it is the same client')
  t.equal((await attempt(test, { xff: '192.0.2.67' })).statusCode, 401, 'its neighbour is another')

  const direct = (index: number) => attempt(test, { remoteAddress: '192.0.2.99', xff: `198.51.100.${index}` })
  t.same(await statuses(6, direct), REFUSED, 'from an address that is no proxy')
  const chain = (index: number) => attempt(test, { xff: `198.51.100.${index}, 192.0.2.70, 10.9.9.9` })
  t.same(await statuses(6, chain), REFUSED, 'through two proxies')
})

t.test('a client with a whole /64 to choose from is one client', async t => {
  const test = await buildTestApp(t, LIMITED)
  const from = (index: number) => attempt(test, { xff: `2001:db8:1:2:${index}::${index}` })
  t.same(await statuses(6, from), REFUSED)
  t.equal((await attempt(test, { xff: '2001:db8:1:3::1' })).statusCode, 401, 'the next network is another')
  t.same(await statuses(6, () => attempt(test, { xff: '192.0.2.1' })), REFUSED)
  t.equal((await attempt(test, { xff: '::ffff:192.0.2.1' })).statusCode, 429, 'IPv4 in other clothes')
})

t.test('every route that makes or takes credentials is limited by itself, and says when to come back', async t => {
  const test = await buildTestApp(t, LIMITED)
  for (const url of ['/auth/login', '/auth/register', '/auth/change-password', '/auth/refresh']) {
    const answers = []
    // A body that is refused counts as well: it would be a free way to try the parser.
    for (let index = 0; index < 6; index++) answers.push(await attempt(test, { url }, { nonsense: index }))
    const last = answers.at(-1)!
    t.notOk(
      answers.slice(0, -1).some(({ statusCode }) => statusCode === 429),
      url,
    )
    t.match(last.json(), { status: 429, code: 'rate_limited' }, url)
    const seconds = Number(last.headers['retry-after'])
    t.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60, `in ${seconds} s`)
    t.match(last.headers, { 'content-type': /^application\/problem\+json/, 'cache-control': 'no-store' })
  }
})

t.test('verification is not limited, and two instances share one count', async t => {
  const test = await buildTestApp(t, LIMITED)
  const ada = await signUp(test.app)
  for (let index = 0; index < 30; index++)
    t.equal((await get(test.app, '/auth/verify', ada.accessToken)).statusCode, 200)
  const other = await test.another()
  const alternating = (index: number) => attempt(index % 2 ? test : other, { xff: '192.0.2.5' })
  t.same(await statuses(6, alternating), REFUSED)
})

t.test('an account is limited by its failures, from however many addresses they come', async t => {
  const test = await buildTestApp(t, { ...LIMITED, RATE_LIMIT_FAILURES_PER_ACCOUNT: '3' })
  const ada = await signUp(test.app)
  const guess = (index: number, password = 'wrong') =>
    attempt(test, { xff: `198.51.${index}.1` }, { email: ada.email, password, transport: 'body' })
  t.same(await statuses(5, guess), [401, 401, 401, 429, 429])
  const refused = await guess(77, PASSWORD)
  t.match(refused.json(), { status: 429, code: 'rate_limited' }, 'then the right password is not tried either')
  t.ok(Number(refused.headers['retry-after']) >= 1)
  t.equal((await get(test.app, '/auth/profile', ada.accessToken)).statusCode, 200, 'who is signed in stays so')
  const change = { email: ada.email, current_password: PASSWORD, new_password: 'another passphrase' }
  t.equal(
    (await attempt(test, { xff: '198.51.88.1', url: '/auth/change-password' }, change)).statusCode,
    429,
    'no detour',
  )
})

t.test('failures at the same time do not slip past the limit together', async t => {
  const test = await buildTestApp(t, { ...LIMITED, RATE_LIMIT_FAILURES_PER_ACCOUNT: '3' })
  const ada = await signUp(test.app)
  const guesses = Array.from({ length: 20 }, (_, index) =>
    attempt(test, { xff: `198.51.${index}.1` }, { email: ada.email, password: 'wrong' }),
  )
  const seen = (await Promise.all(guesses)).map(({ statusCode }) => statusCode)
  t.equal(seen.filter(status => status === 401).length, 3)
  t.equal(seen.filter(status => status === 429).length, 17)
})

t.test('a sign-in that succeeds takes its attempt back, so that nobody is limited by using the service', async t => {
  const test = await buildTestApp(t, { ...LIMITED, RATE_LIMIT_FAILURES_PER_ACCOUNT: '3' })
  const ada = await signUp(test.app)
  const signIn = (index: number, password = PASSWORD) =>
    attempt(test, { xff: `198.51.${index}.1` }, { email: ada.email, password, transport: 'body' })
  t.same(await statuses(6, signIn), Array(6).fill(200))
  t.same(await statuses(2, index => signIn(index + 10, 'wrong')), [401, 401])
  t.same(await statuses(3, index => signIn(index + 20)), [200, 200, 200])
  t.same(await statuses(2, index => signIn(index + 30, 'wrong')), [401, 429], 'yet it forgives no failure')
})

t.test('an account that does not exist is limited as one that does, so that the limit tells nobody which', async t => {
  const test = await buildTestApp(t, { ...LIMITED, RATE_LIMIT_FAILURES_PER_ACCOUNT: '3' })
  const ada = await signUp(test.app, 'ada@example.com')
  const guess = (email: string) => (index: number) =>
    attempt(test, { xff: `198.${email.length}.${index}.1` }, { email, password: 'wrong' })
  t.same(await statuses(5, guess(ada.email)), [401, 401, 401, 429, 429])
  t.same(await statuses(5, guess('nobody@example.com')), [401, 401, 401, 429, 429])
  const byName = (index: number) =>
    attempt(test, { xff: `198.99.${index}.1` }, { username: 'nobody', password: 'wrong' })
  t.same(await statuses(5, byName), [401, 401, 401, 429, 429])
})
