import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { get, PASSWORD, signUp } from '../support/people.js'

const PROXY = '10.0.0.1'
const LIMITED = { RATE_LIMIT: 'on', RATE_LIMIT_PER_ADDRESS: '5', TRUST_PROXY: '10.0.0.0/8' }

/** A request from a given address, by default a sign-in with a wrong password. */
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

t.test('a client cannot reset its rate limit by writing X-Forwarded-For', async t => {
  const test = await buildTestApp(t, LIMITED)
  const spoofed = (index: number) => attempt(test, { xff: `198.51.100.${index}, 192.0.2.66` })
  t.same(await statuses(6, spoofed), REFUSED, 'entries left of the address that the proxy saw')
  t.equal((await attempt(test, { xff: '192.0.2.66' })).statusCode, 429, 'it is the same client')
  t.equal((await attempt(test, { xff: '192.0.2.67' })).statusCode, 401, 'the next address is another client')

  const direct = (index: number) => attempt(test, { remoteAddress: '192.0.2.99', xff: `198.51.100.${index}` })
  t.same(await statuses(6, direct), REFUSED, 'from an address that is not a trusted proxy')
  const chain = (index: number) => attempt(test, { xff: `198.51.100.${index}, 192.0.2.70, 10.9.9.9` })
  t.same(await statuses(6, chain), REFUSED, 'through two proxies')
})

t.test('all addresses of an IPv6 /64 count as one client', async t => {
  const test = await buildTestApp(t, LIMITED)
  const from = (index: number) => attempt(test, { xff: `2001:db8:1:2:${index}::${index}` })
  t.same(await statuses(6, from), REFUSED)
  t.equal((await attempt(test, { xff: '2001:db8:1:3::1' })).statusCode, 401, 'the next /64 is another client')
  t.same(await statuses(6, () => attempt(test, { xff: '192.0.2.1' })), REFUSED)
  t.equal((await attempt(test, { xff: '::ffff:192.0.2.1' })).statusCode, 429, 'IPv4-mapped IPv6 is the same')
})

t.test('every route that issues or accepts credentials has its own rate limit and sends Retry-After', async t => {
  const test = await buildTestApp(t, LIMITED)
  for (const url of ['/auth/login', '/auth/register', '/auth/change-password', '/auth/refresh']) {
    const answers = []
    // A refused body counts too; otherwise the parser could be tried without limit.
    for (let index = 0; index < 6; index++) answers.push(await attempt(test, { url }, { nonsense: index }))
    const last = answers.at(-1)!
    t.notOk(
      answers.slice(0, -1).some(({ statusCode }) => statusCode === 429),
      url,
    )
    t.match(last.json(), { status: 429, code: 'rate_limited' }, url)
    const seconds = Number(last.headers['retry-after'])
    t.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60, `Retry-After is ${seconds} s`)
    t.match(last.headers, { 'content-type': /^application\/problem\+json/, 'cache-control': 'no-store' })
  }
})

t.test('verification is not rate-limited, and two instances share one count of sign-ins', async t => {
  const test = await buildTestApp(t, LIMITED)
  const ada = await signUp(test.app)
  for (let index = 0; index < 30; index++)
    t.equal((await get(test.app, '/auth/verify', ada.accessToken)).statusCode, 200)
  const other = await test.another()
  const alternating = (index: number) => attempt(index % 2 ? test : other, { xff: '192.0.2.5' })
  t.same(await statuses(6, alternating), REFUSED)
})

t.test('failed sign-ins are limited for each account, however many addresses they come from', async t => {
  const test = await buildTestApp(t, { ...LIMITED, RATE_LIMIT_FAILURES_PER_ACCOUNT: '3' })
  const ada = await signUp(test.app)
  const guess = (index: number, password = 'wrong') =>
    attempt(test, { xff: `198.51.${index}.1` }, { email: ada.email, password, transport: 'body' })
  t.same(await statuses(5, guess), [401, 401, 401, 429, 429])
  const refused = await guess(77, PASSWORD)
  t.match(refused.json(), { status: 429, code: 'rate_limited' }, 'the correct password is refused too')
  t.ok(Number(refused.headers['retry-after']) >= 1)
  t.equal((await get(test.app, '/auth/profile', ada.accessToken)).statusCode, 200, 'the signed-in user stays signed in')
  const change = { email: ada.email, current_password: PASSWORD, new_password: 'another passphrase' }
  t.equal(
    (await attempt(test, { xff: '198.51.88.1', url: '/auth/change-password' }, change)).statusCode,
    429,
    'a password change has the same limit',
  )
})

t.test('concurrent failures cannot exceed the limit of an account', async t => {
  const test = await buildTestApp(t, { ...LIMITED, RATE_LIMIT_FAILURES_PER_ACCOUNT: '3' })
  const ada = await signUp(test.app)
  const guesses = Array.from({ length: 20 }, (_, index) =>
    attempt(test, { xff: `198.51.${index}.1` }, { email: ada.email, password: 'wrong' }),
  )
  const seen = (await Promise.all(guesses)).map(({ statusCode }) => statusCode)
  t.equal(seen.filter(status => status === 401).length, 3)
  t.equal(seen.filter(status => status === 429).length, 17)
})

t.test('a successful sign-in does not count as an attempt, so normal use is never limited', async t => {
  const test = await buildTestApp(t, { ...LIMITED, RATE_LIMIT_FAILURES_PER_ACCOUNT: '3' })
  const ada = await signUp(test.app)
  const signIn = (index: number, password = PASSWORD) =>
    attempt(test, { xff: `198.51.${index}.1` }, { email: ada.email, password, transport: 'body' })
  t.same(await statuses(6, signIn), Array(6).fill(200))
  t.same(await statuses(2, index => signIn(index + 10, 'wrong')), [401, 401])
  t.same(await statuses(3, index => signIn(index + 20)), [200, 200, 200])
  t.same(await statuses(2, index => signIn(index + 30, 'wrong')), [401, 429], 'a success erases no failure')
})

t.test('unknown and existing accounts are limited alike, so the limit does not reveal which exist', async t => {
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
