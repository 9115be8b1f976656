import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { Device, FIREFOX } from '../support/device.js'
import { PASSWORD } from '../support/people.js'

const MINUTE = 60
const DAY = 24 * 60 * MINUTE

/** An owner's browser, and a thief with a copy of its cookies. */
async function stolen(t: Test): Promise<{ test: TestApp; owner: Device; thief: Device }> {
  const test = await buildTestApp(t)
  const owner = new Device(test.app, FIREFOX)
  await owner.post('/auth/register', { email: 'owner@example.com', password: PASSWORD })
  await owner.refresh()
  await test.clock.advance(10 * MINUTE)
  return { test, owner, thief: owner.copy() }
}

async function says(device: Device, payload?: object): Promise<number | string> {
  const answer = await device.post('/auth/refresh', payload)
  return answer.statusCode === 200 ? 200 : answer.json().code
}

const asks = (device: Device) => says(device, { rotate: false })

/** The owner refreshes, and works with the new access token also after the settling time. */
async function worksOn({ clock }: TestApp, owner: Device): Promise<void> {
  if ((await says(owner)) !== 200) throw new Error('the owner was refused')
  await clock.advance(2 * MINUTE)
  if ((await owner.verified()) !== 200) throw new Error('the owner was refused')
}

t.test('a thief who never rotates loses the session when the owner works after the next refresh', async t => {
  const { test, owner, thief } = await stolen(t)
  t.equal(await asks(thief), 200)
  await worksOn(test, owner)
  for (let times = 0; times < 5; times++) {
    t.equal(await asks(thief), 'refresh_token_superseded')
    await test.clock.advance(15 * MINUTE)
  }
  t.equal(await says(thief), 'refresh_token_superseded')
  t.equal(await says(owner), 200)
})

t.test('a thief who never rotates cannot extend the session of an owner who is away', async t => {
  const { test, thief } = await stolen(t)
  for (let day = 0; day < 6; day++) {
    t.equal(await asks(thief), 200)
    await test.clock.advance(DAY)
  }
  await test.clock.advance(DAY)
  t.equal(await asks(thief), 'refresh_token_expired')
})

t.test('a thief who refreshed first does not hide that by asking without rotating', async t => {
  const { test, owner, thief } = await stolen(t)
  t.equal(await says(thief), 200)
  for (let times = 0; times < 10; times++) {
    await test.clock.advance(MINUTE)
    t.equal(await asks(thief), 200)
  }
  t.equal(await asks(owner), 'refresh_token_superseded', 'the pages of the owner')
  t.equal(await says(owner), 'refresh_token_superseded')
  t.equal(await asks(owner), 'refresh_token_superseded')
  t.equal(await says(owner), 'refresh_token_reused')
  t.equal(await thief.verified(), 'token_revoked')
  t.equal(await asks(thief), 'session_revoked')
})

t.test('asking without rotating gains a thief no generation more than refreshing', async t => {
  for (const alsoAsks of [false, true]) {
    const { test, owner, thief } = await stolen(t)
    let gains = 0
    for (let round = 0; round < 20; round++) {
      await test.clock.advance(5 * MINUTE)
      if ((await says(owner)) !== 200) break
      if (alsoAsks) for (let times = 0; times < 5; times++) await asks(thief)
      await test.clock.advance(5)
      if ((await says(thief)) !== 200) break
      if (alsoAsks) await asks(thief)
      gains++
    }
    t.equal(gains, 4)
    t.equal(await asks(thief), 'refresh_token_superseded')
  }
})

t.test(
  'a thief with the previous token cannot make the current one count as in use, or keep it from counting',
  async t => {
    const { test, owner, thief } = await stolen(t)
    const before = owner.copy()
    t.equal(await says(owner), 200)
    const [row] = await test.database.admin`select * from refresh_tokens`
    // Answers that the owner lost: the browser still has its earlier cookies.
    for (let minute = 0; minute < 10; minute++) {
      t.equal(await asks(thief), 200)
      t.equal(await thief.verified(), 200)
      await test.app.context.activity.flush()
      await test.clock.advance(MINUTE)
    }
    t.strictSame(
      (await test.database.admin`select * from refresh_tokens`)[0],
      row,
      'no restart, and nothing is counted',
    )
    t.equal(await says(before), 200, 'the owner continues')
    await test.clock.advance(2 * MINUTE)
    t.equal(await before.verified(), 200)
    t.equal(await asks(thief), 'refresh_token_superseded')
  },
)

t.test('many requests without rotating use up none of the generations that a browser can lose', async t => {
  const { test, owner } = await stolen(t)
  // A browser whose slots are lost comes back with other marks, which is answered in three generations in a row.
  for (let round = 0; round < 3; round++) {
    const earlier = owner.copy()
    for (const name of earlier.cookies.keys()) if (/-[0-9a-f]{3}$/.test(name)) earlier.cookies.delete(name)
    t.equal(await says(owner), 200)
    await test.clock.advance(20)
    for (let times = 0; times < 20; times++) t.equal(await asks(earlier), 200)
    const { late_replays } = (await test.database.admin`select late_replays from refresh_tokens`)[0]!
    t.equal(late_replays, round)
    t.equal(await says(earlier), 200)
    await test.clock.advance(MINUTE)
  }
})

t.test('after three counted generations, only the mark of the browser is answered without rotating', async t => {
  const { test, owner } = await stolen(t)
  const withoutSlot = (device: Device) => {
    const copy = device.copy()
    for (const name of copy.cookies.keys()) if (/-[0-9a-f]{3}$/.test(name)) copy.cookies.delete(name)
    return copy
  }
  for (let round = 0; round < 3; round++) {
    const earlier = withoutSlot(owner)
    t.equal(await says(owner), 200)
    await test.clock.advance(20)
    t.equal(await says(earlier), 200)
    await test.clock.advance(MINUTE)
  }
  const before = owner.copy()
  t.equal(await says(owner), 200)
  for (const seconds of [1, 20]) {
    await test.clock.advance(seconds)
    t.equal(await asks(before), 200)
    t.equal(await asks(withoutSlot(before)), 'refresh_token_superseded')
  }
})

t.test('an access token that was got without rotating ends with the session', async t => {
  const { owner, thief } = await stolen(t)
  t.equal(await asks(thief), 200)
  t.ok(decodeJwt(thief.accessToken!).sid)
  t.equal((await owner.post('/auth/logout')).statusCode, 204)
  t.equal(await thief.verified(), 'token_revoked')
  t.equal(await asks(thief), 'session_revoked')
})
