import t, { type Test } from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { Device, FIREFOX } from '../support/device.js'
import { PASSWORD } from '../support/people.js'

const EMAIL = 'owner@example.com'
const MINUTE = 60
/** How many generations a thief can follow who holds a copy of all cookies: the free one, and three that are counted. */
const MOST_GAINS = 4

/** An owner's browser, and a copy of its cookies in a thief's hands. */
async function stolen(t: Test): Promise<{ test: TestApp; owner: Device; thief: Device }> {
  const test = await buildTestApp(t)
  const owner = new Device(test.app, FIREFOX)
  await owner.post('/auth/register', { email: EMAIL, password: PASSWORD })
  await owner.refresh()
  await test.clock.advance(10 * MINUTE)
  return { test, owner, thief: owner.copy() }
}

/** Refreshes; the code of the refusal, or 200. */
async function says(device: Device): Promise<number | string> {
  const answer = await device.refresh()
  return answer.statusCode === 200 ? 200 : answer.json().code
}

/** A party at work: its access token is used, long after the refresh. */
async function works({ clock }: TestApp, device: Device): Promise<void> {
  await device.verified()
  await clock.advance(2 * MINUTE)
  await device.verified()
}

t.test('a thief who refreshes first is found by the next refresh of the owner', async t => {
  const { test, owner, thief } = await stolen(t)
  t.equal(await says(thief), 200)
  await works(test, thief)
  t.equal(await says(owner), 'refresh_token_superseded')
  t.equal(await thief.verified(), 200, 'so far nothing has ended')
  t.equal(await says(owner), 'refresh_token_reused')
  t.equal(await thief.verified(), 'token_revoked')
  t.equal(await says(thief), 'session_revoked')
})

t.test('a thief who refreshes first is found by the next sign-in of the owner', async t => {
  const { test, owner, thief } = await stolen(t)
  t.equal(await says(thief), 200)
  await works(test, thief)
  t.equal(await says(owner), 'refresh_token_superseded')
  for (const _hour of [1, 2, 3]) {
    await test.clock.advance(60 * MINUTE)
    t.equal(await says(thief), 200, 'nobody is there to find them')
  }
  t.equal((await owner.logIn(EMAIL, PASSWORD)).statusCode, 200)
  t.equal(await says(thief), 'session_revoked')
  t.equal(await says(owner), 200, 'the session of the owner is another')
  const names = [...owner.cookies.keys()]
  t.notOk(
    names.some(name => name.endsWith('-ticket')),
    'the ticket is gone',
  )
})

t.test('a thief who leaves his mark out is found by the next sign-in of the owner, too', async t => {
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

t.test('a full house does not keep the owner from ending what the thief holds', async t => {
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

t.test('a thief who refreshes second is refused for ever', async t => {
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
  ['within the leeway, of an owner with jitter', 3, 170],
  ['after the leeway, of an owner who is idle', 5 * MINUTE, 0],
] as const) {
  t.test(`a thief in lock-step, ${how}, gains four generations`, async t => {
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
    t.equal(await says(owner), 200, 'and the owner goes on')
  })

  t.test(`a thief in lock-step before the owner, ${how}, is found at the fifth refresh`, async t => {
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

t.test('a thief who takes turns with the owner, and leaves the mark out, gains no more', async t => {
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

t.test('a thief with a stolen parent has nothing while the owner is at work', async t => {
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

t.test('a thief who uses a stolen jar for a minute every hour gains one generation', async t => {
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

t.test('a thief who asks for the ticket and presents it ends the session, and gets nothing', async t => {
  const { test, owner, thief } = await stolen(t)
  t.equal(await says(owner), 200)
  await works(test, owner)
  t.equal(await says(thief), 'refresh_token_superseded')
  t.equal(await says(thief), 'refresh_token_reused')
  t.equal(await says(owner), 'session_revoked')
  t.equal((await owner.logIn(EMAIL, PASSWORD)).statusCode, 200)
})

t.test(
  'a thief who refreshes between the ticket of the owner and their next refresh is found all the same',
  async t => {
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
  },
)

t.test('a thief who polls with the stolen token keeps nobody from being seen at work', async t => {
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

t.test('a ticket ends nothing when it is planted in a browser that has a newer token', async t => {
  const { test, owner, thief } = await stolen(t)
  t.equal(await says(owner), 200)
  await works(test, owner)
  await says(thief)
  const ticket = thief.cookies.get('__Host-latchkey-ticket')!
  t.ok(ticket)
  owner.cookies.set('__Host-latchkey-ticket', ticket)
  t.equal(await says(owner), 200)
  t.notOk(owner.cookies.has('__Host-latchkey-ticket'), 'it is cleared')
  owner.cookies.set('__Host-latchkey-ticket', ticket)
  t.equal((await owner.logIn(EMAIL, PASSWORD)).statusCode, 200)
  const events = await owner.get('/auth/events')
  t.notOk(events.body.includes('refresh_token_reused'))
})
