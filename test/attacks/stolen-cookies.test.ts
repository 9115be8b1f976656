import t, { type Test } from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { Device, FIREFOX } from '../support/device.js'
import { PASSWORD } from '../support/people.js'

const EMAIL = 'owner@example.com'
const MINUTE = 60
/** The most generations that a thief with a copy of all cookies can follow: one free, and three counted. */
const MOST_GAINS = 4

/** An owner's browser, and a thief with a copy of its cookies. */
async function stolen(t: Test): Promise<{ test: TestApp; owner: Device; thief: Device }> {
  const test = await buildTestApp(t)
  const owner = new Device(test.app, FIREFOX)
  await owner.post('/auth/register', { email: EMAIL, password: PASSWORD })
  await owner.refresh()
  await test.clock.advance(10 * MINUTE)
  return { test, owner, thief: owner.copy() }
}

/** Refreshes; returns 200 or the error code. */
async function says(device: Device): Promise<number | string> {
  const answer = await device.refresh()
  return answer.statusCode === 200 ? 200 : answer.json().code
}

/** Uses the access token of a browser, also two minutes after the refresh. */
async function works({ clock }: TestApp, device: Device): Promise<void> {
  await device.verified()
  await clock.advance(2 * MINUTE)
  await device.verified()
}

t.test('a thief who refreshes first is detected at the owner’s next refresh', async t => {
  const { test, owner, thief } = await stolen(t)
  t.equal(await says(thief), 200)
  await works(test, thief)
  t.equal(await says(owner), 'refresh_token_superseded')
  t.equal(await thief.verified(), 200, 'nothing is revoked yet')
  t.equal(await says(owner), 'refresh_token_reused')
  t.equal(await thief.verified(), 'token_revoked')
  t.equal(await says(thief), 'session_revoked')
})

t.test('a thief who refreshes first is detected at the owner’s next sign-in', async t => {
  const { test, owner, thief } = await stolen(t)
  t.equal(await says(thief), 200)
  await works(test, thief)
  t.equal(await says(owner), 'refresh_token_superseded')
  for (const _hour of [1, 2, 3]) {
    await test.clock.advance(60 * MINUTE)
    t.equal(await says(thief), 200, 'the owner is away')
  }
  t.equal((await owner.logIn(EMAIL, PASSWORD)).statusCode, 200)
  t.equal(await says(thief), 'session_revoked')
  t.equal(await says(owner), 200, 'the owner has a new session')
  const names = [...owner.cookies.keys()]
  t.notOk(
    names.some(name => name.endsWith('-ticket')),
    'the ticket is cleared',
  )
})

t.test('a thief who leaves out the mark is detected at the owner’s next sign-in', async t => {
  const { test, owner, thief } = await stolen(t)
  for (let round = 0; round < 4; round++) {
    await test.clock.advance(10 * MINUTE)
    for (const name of thief.cookies.keys()) if (/-[0-9a-f]{3}$/.test(name)) thief.cookies.delete(name)
    t.equal(await says(thief), 200)
    const told = await says(owner)
    if (told === 'refresh_token_superseded') break
    t.equal(told, 200)
  }
  t.ok(owner.cookies.has('__Host-latchkey-ticket'))
  t.equal((await owner.logIn(EMAIL, PASSWORD)).statusCode, 200)
  t.equal(await says(thief), 'session_revoked')
})

t.test('at the session limit the owner can still sign in, which revokes the session that the thief uses', async t => {
  const test = await buildTestApp(t, { MAX_SESSIONS_PER_USER: '1', MAX_SESSIONS_POLICY: 'deny' })
  const owner = new Device(test.app, FIREFOX)
  await owner.post('/auth/register', { email: EMAIL, password: PASSWORD })
  await owner.refresh()
  await test.clock.advance(10 * MINUTE)
  const thief = owner.copy()
  t.equal(await says(thief), 200)
  await works(test, thief)
  t.equal(await says(owner), 'refresh_token_superseded')
  t.equal((await owner.logIn(EMAIL, PASSWORD)).statusCode, 200)
  t.equal(await says(thief), 'session_revoked')
})

t.test('a thief who refreshes after the owner is always refused', async t => {
  const { test, owner, thief } = await stolen(t)
  t.equal(await says(owner), 200)
  await works(test, owner)
  t.equal(await says(thief), 'refresh_token_superseded')
  for (const _hour of [1, 2, 3]) {
    thief.cookies.delete('__Host-latchkey-ticket')
    t.equal(await says(thief), 'refresh_token_superseded')
    await test.clock.advance(60 * MINUTE)
    t.equal(await says(owner), 200)
    await works(test, owner)
  }
})

for (const [how, secondsBehind, jitter] of [
  ['at the same moment', 0, 0],
  ['within the leeway', 3, 0],
  ['within the leeway and with jitter', 3, 170],
  ['after the leeway with an idle owner', 5 * MINUTE, 0],
] as const) {
  t.test(`a thief who refreshes each time after the owner, ${how}, gains four generations`, async t => {
    const { test, owner, thief } = await stolen(t)
    let gains = 0
    for (let round = 0; round < 12; round++) {
      await test.clock.advance(10 * MINUTE + ((round * 97) % (jitter + 1)))
      t.equal(await says(owner), 200)
      await test.clock.advance(secondsBehind)
      if ((await says(thief)) === 200) gains++
      thief.cookies.delete('__Host-latchkey-ticket')
    }
    t.equal(gains, MOST_GAINS)
    t.equal(await says(owner), 200, 'the owner can still refresh')
  })

  t.test(`a thief who refreshes each time before the owner, ${how}, is detected at the fifth refresh`, async t => {
    const { test, owner, thief } = await stolen(t)
    let refreshes = 0
    let told: number | string
    do {
      await test.clock.advance(10 * MINUTE + ((refreshes * 97) % (jitter + 1)))
      await says(thief)
      await test.clock.advance(secondsBehind)
      told = await says(owner)
      refreshes++
    } while (told === 200)
    t.equal(refreshes, MOST_GAINS + 1)
    t.equal(told, 'refresh_token_superseded')
    t.equal(await says(owner), 'refresh_token_reused')
    t.equal(await thief.verified(), 'token_revoked')
  })
}

t.test('a thief who takes turns with the owner and leaves out the mark gains at most four generations', async t => {
  const { test, owner, thief } = await stolen(t)
  let gains = 0
  for (let round = 0; round < 12; round++) {
    const [first, second] = round % 2 === 0 ? [owner, thief] : [thief, owner]
    for (const name of thief.cookies.keys()) if (/-[0-9a-f]{3}$/.test(name)) thief.cookies.delete(name)
    await test.clock.advance(10 * MINUTE)
    const answers = new Map([[first, await says(first)]])
    answers.set(second, await says(second))
    if (answers.get(thief) === 200) gains++
    if (answers.get(owner) === 'refresh_token_superseded') answers.set(owner, await says(owner))
    if (answers.get(owner) === 'refresh_token_reused') break
    thief.cookies.delete('__Host-latchkey-ticket')
  }
  t.ok(gains <= MOST_GAINS, `${gains} generations`)
})

t.test('a thief with the previous refresh token gets nothing while the owner is active', async t => {
  const { test, owner, thief } = await stolen(t)
  t.equal(await says(owner), 200)
  await works(test, owner)
  for (const _try of [1, 2, 3]) {
    t.equal(await says(thief), 'refresh_token_superseded')
    thief.cookies.delete('__Host-latchkey-ticket')
    await test.clock.advance(20)
    await owner.verified()
  }
  t.equal(await says(owner), 200)
})

t.test('a thief who uses stolen cookies for one minute every hour gains at most one generation', async t => {
  const { test, owner, thief } = await stolen(t)
  let gains = 0
  for (let hour = 0; hour < 24; hour++) {
    for (const _quarter of [1, 2, 3, 4]) {
      await test.clock.advance(15 * MINUTE - 30)
      t.equal(await says(owner), 200)
      await owner.verified()
    }
    await test.clock.advance(30)
    if ((await says(thief)) === 200) gains++
    await thief.verified()
    await test.clock.advance(MINUTE)
    thief.cookies.delete('__Host-latchkey-ticket')
  }
  t.ok(gains <= 1, `${gains} generations`)
})

t.test('a thief who gets a ticket and presents it ends the session and gets no token', async t => {
  const { test, owner, thief } = await stolen(t)
  t.equal(await says(owner), 200)
  await works(test, owner)
  t.equal(await says(thief), 'refresh_token_superseded')
  t.equal(await says(thief), 'refresh_token_reused')
  t.equal(await says(owner), 'session_revoked')
  t.equal((await owner.logIn(EMAIL, PASSWORD)).statusCode, 200)
})

t.test('a thief who refreshes between the owner’s ticket and the owner’s next refresh is still detected', async t => {
  const { test, owner, thief } = await stolen(t)
  t.equal(await says(thief), 200)
  await works(test, thief)
  t.equal(await says(owner), 'refresh_token_superseded')
  for (const _time of [1, 2]) {
    await test.clock.advance(15 * MINUTE)
    t.equal(await says(thief), 200)
  }
  t.equal(await says(owner), 'refresh_token_reused')
  t.equal(await says(thief), 'session_revoked')
})

t.test('a thief who polls with a stolen token does not hide the owner’s activity', async t => {
  const { test, owner, thief } = await stolen(t)
  t.equal(await says(owner), 200)
  const first = [...thief.cookies]
  const answers: (number | string)[] = []
  for (let poll = 0; poll < 20; poll++) {
    await test.clock.advance(61)
    await owner.verified()
    thief.cookies.clear()
    for (const [name, value] of first) thief.cookies.set(name, value)
    answers.push(await says(thief))
  }
  t.ok(
    answers.slice(2).every(answer => answer === 'refresh_token_superseded'),
    answers.join(),
  )
})

t.test('a ticket planted in a browser with a newer refresh token ends nothing', async t => {
  const { test, owner, thief } = await stolen(t)
  t.equal(await says(owner), 200)
  await works(test, owner)
  await says(thief)
  const ticket = thief.cookies.get('__Host-latchkey-ticket')!
  t.ok(ticket)
  owner.cookies.set('__Host-latchkey-ticket', ticket)
  t.equal(await says(owner), 200)
  t.notOk(owner.cookies.has('__Host-latchkey-ticket'), 'the ticket is cleared')
  owner.cookies.set('__Host-latchkey-ticket', ticket)
  t.equal((await owner.logIn(EMAIL, PASSWORD)).statusCode, 200)
  const events = await owner.get('/auth/events')
  t.notOk(events.body.includes('refresh_token_reused'))
})
