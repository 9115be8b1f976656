import t, { type Test } from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { type Person, refresh, refreshed, signUp } from '../support/people.js'

// "row N" in a title is row N of the table in docs/rotation.md.

const AT_ONCE = 50

/** Sends the same token fifty times at once, half to each of two instances. */
async function presentAtOnce([first, second]: [TestApp, TestApp], token: string) {
  const responses = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, index) => refresh(index % 2 === 0 ? first.app : second.app, token)),
  )
  return {
    statuses: new Set(responses.map(({ statusCode }) => statusCode)),
    successors: new Set(responses.map(response => response.json().refresh_token)),
  }
}

/** Counts the writes to the whitelist row, with a trigger in Postgres. */
async function countWrites({ database }: TestApp): Promise<() => Promise<number>> {
  await database.admin.unsafe(`
    create table writes (at timestamptz default now());
    create function count_write() returns trigger language plpgsql
      as 'begin insert into writes default values; return new; end';
    create trigger count_writes after update on refresh_tokens for each row execute function count_write();
  `)
  return async () => Number((await database.admin`select count(*) from writes`)[0]!.count)
}

/** The part of a token that does not depend on which instance wrote its tag. */
function secretOf(token: string): string {
  return Buffer.from(token.slice('lk_rt_'.length), 'base64url').subarray(2, 54).toString('hex')
}

async function setUp(t: Test): Promise<{ both: [TestApp, TestApp]; ada: Person; test: TestApp }> {
  const test = await buildTestApp(t)
  const both: [TestApp, TestApp] = [test, await test.another()]
  return { both, test, ada: await signUp(test.app) }
}

t.test('row 2: fifty tabs over two instances refresh at once and share one successor', async t => {
  const { both, test, ada } = await setUp(t)
  await test.clock.advance(31)
  const writes = await countWrites(test)
  const { statuses, successors } = await presentAtOnce(both, ada.refreshToken)
  t.strictSame([...statuses], [200])
  t.equal(successors.size, 1, 'all tabs get the same successor')
  t.equal(await writes(), 1, 'the whitelist row is written once')
})

t.test('row 3: fifty tabs with a refresh token that is too young to rotate keep it', async t => {
  const { both, test, ada } = await setUp(t)
  const young = await refreshed(test.app, ada.refreshToken)
  const writes = await countWrites(test)
  const { statuses, successors } = await presentAtOnce(both, young)
  t.strictSame([...statuses], [200])
  t.strictSame([...successors], [young])
  t.equal(await writes(), 0)
})

t.test('row 4: fifty tabs ahead of a database that lost a commit share one successor', async t => {
  const { both, test, ada } = await setUp(t)
  const { admin } = test.database
  const [row] = await admin`select * from refresh_tokens where session_id = ${ada.sessionId}`
  const ahead = await refreshed(test.app, ada.refreshToken)
  await admin`update refresh_tokens set ${admin(row!)} where session_id = ${ada.sessionId}`
  const writes = await countWrites(test)
  const { statuses, successors } = await presentAtOnce(both, ahead)
  t.strictSame([...statuses], [200])
  t.equal(successors.size, 1)
  t.equal(await writes(), 1)
})

t.test('row 5: fifty tabs with the previous token get the same successor', async t => {
  const { both, test, ada } = await setUp(t)
  const next = await refreshed(test.app, ada.refreshToken)
  const writes = await countWrites(test)
  const { statuses, successors } = await presentAtOnce(both, ada.refreshToken)
  t.strictSame([...statuses], [200])
  t.strictSame([...successors], [next])
  t.equal(await writes(), 0)
})

t.test('row 6: a burst of late replays counts as one late replay', async t => {
  const { both, test, ada } = await setUp(t)
  const next = await refreshed(test.app, ada.refreshToken)
  await test.clock.advance(3600)
  const writes = await countWrites(test)
  const { statuses, successors } = await presentAtOnce(both, ada.refreshToken)
  t.strictSame([...statuses], [200])
  t.strictSame([...successors], [next])
  t.equal(await writes(), 1, 'counted once')
})

t.test('a burst that mixes a refresh token and its predecessor does not end the session', async t => {
  const { both, test, ada } = await setUp(t)
  await test.clock.advance(31)
  const tokens = [ada.refreshToken, await refreshed(test.app, ada.refreshToken)]
  const responses = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, index) => refresh(both[index % 2]!.app, tokens[index % 3 === 0 ? 0 : 1]!)),
  )
  t.strictSame([...new Set(responses.map(({ statusCode }) => statusCode))], [200])
  t.equal(new Set(responses.map(response => response.json().refresh_token)).size, 1)
})

t.test('rotating both secrets in phases while clients refresh signs no user out', async t => {
  const old = {
    JWT_SECRET: 'the first jwt secret of thirty-two bytes or more',
    JWT_REFRESH_SECRET: 'the first refresh secret of thirty-two bytes or more',
  }
  const next = {
    JWT_SECRET: 'the second jwt secret of thirty-two bytes or more',
    JWT_REFRESH_SECRET: 'the second refresh secret of thirty-two bytes or more',
  }
  const join = (a: typeof old, b: typeof old) => ({
    JWT_SECRET: `${a.JWT_SECRET},${b.JWT_SECRET}`,
    JWT_REFRESH_SECRET: `${a.JWT_REFRESH_SECRET},${b.JWT_REFRESH_SECRET}`,
  })
  const test = await buildTestApp(t, old)
  const phases = [
    // In each phase instances of two configurations run at the same time.
    [test, await test.another(join(old, next))],
    [await test.another(join(old, next)), await test.another(join(next, old))],
    [await test.another(join(next, old)), await test.another(join(next, old))],
    [await test.another(join(next, old)), await test.another(next)],
  ] as const
  const people = await Promise.all(Array.from({ length: 5 }, () => signUp(test.app)))
  let tokens = people.map(({ refreshToken }) => refreshToken)
  for (const [phase, instances] of phases.entries()) {
    for (let round = 0; round < 2; round++) {
      await test.clock.advance(31)
      tokens = await Promise.all(
        tokens.map(async token => {
          // Two tabs at once, one on each instance; then one of them again, late within the leeway.
          const answers = await Promise.all(instances.map(({ app }) => refresh(app, token)))
          answers.push(await refresh(instances[1].app, token))
          const successors: string[] = answers.map(answer => answer.json().refresh_token)
          t.strictSame([...new Set(answers.map(({ statusCode }) => statusCode))], [200], `phase ${phase}`)
          t.equal(new Set(successors.map(secretOf)).size, 1, 'every instance gives the same successor')
          return successors[phase % 3]!
        }),
      )
    }
  }
})
