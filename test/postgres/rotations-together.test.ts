import t, { type Test } from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { type Person, post, refresh, signUp } from '../support/people.js'
import { sentStatements } from '../support/sent-statements.js'

// Rotations that arrive in one turn of the event loop share a statement (docs/adr/0026-rotations-together.md).

const SETTINGS = { REFRESH_MIN_AGE: '0', REFRESH_LEEWAY: '0' }
const EVERYBODY = 10

async function signUpMany({ app }: TestApp): Promise<Person[]> {
  return Promise.all(Array.from({ length: EVERYBODY }, () => signUp(app)))
}

function refreshAll({ app }: TestApp, tokens: readonly string[]) {
  return Promise.all(tokens.map(token => refresh(app, token)))
}

/** Locks the row of a session, as a transaction that revokes it does. */
async function lockRow(t: Test, { database }: TestApp, { sessionId }: Person) {
  const connection = await database.admin.reserve()
  t.teardown(() => connection.release())
  await connection`begin`
  await connection`select from refresh_tokens where session_id = ${sessionId} for update`
  return { end: () => connection`commit` }
}

t.test('refreshes of many sessions at once share statements, and each gets its own successor', async t => {
  const test = await buildTestApp(t, SETTINGS)
  const people = await signUpMany(test)
  const statements = await sentStatements(async () => {
    const answers = await refreshAll(
      test,
      people.map(({ refreshToken }) => refreshToken),
    )
    for (const [at, answer] of answers.entries()) {
      t.equal(answer.statusCode, 200)
      t.equal(answer.json().session_id, people[at]!.sessionId)
      t.equal(answer.json().user.id, people[at]!.userId)
      t.match(answer.json().user.created_at, /^\d{4}-\d\d-\d\dT/)
    }
    const again = await refreshAll(
      test,
      answers.map(answer => answer.json().refresh_token),
    )
    t.same(
      again.map(({ statusCode }) => statusCode),
      again.map(() => 200),
      'the successors can be rotated too',
    )
  })
  const rotations = statements.filter(({ text }) => text.includes('update refresh_tokens set'))
  t.ok(rotations.length < EVERYBODY, `${rotations.length} statements for ${2 * EVERYBODY} rotations`)
})

t.test('a refused token does not change the answers to those beside it', async t => {
  const test = await buildTestApp(t, SETTINGS)
  const [ended, superseded, ...others] = await signUpMany(test)
  await post(test.app, '/auth/logout', { refresh_token: ended!.refreshToken })
  for (let token = superseded!.refreshToken, times = 0; times < 2; times++)
    token = (await refresh(test.app, token)).json().refresh_token
  const answers = await refreshAll(
    test,
    [ended!, superseded!, ...others].map(({ refreshToken }) => refreshToken),
  )
  t.same(
    answers.map(answer => answer.json().code),
    ['session_revoked', 'refresh_token_superseded', ...others.map(() => undefined)],
  )
})

t.test('a session whose row is locked waits alone, and then gets its answer', async t => {
  const test = await buildTestApp(t, SETTINGS)
  const [locked, ...others] = await signUpMany(test)
  const lock = await lockRow(t, test, locked!)
  let isAnswered = false
  const waiting = refresh(test.app, locked!.refreshToken).finally(() => {
    isAnswered = true
  })
  const answers = await refreshAll(
    test,
    others.map(({ refreshToken }) => refreshToken),
  )
  t.same(
    answers.map(({ statusCode }) => statusCode),
    others.map(() => 200),
  )
  t.notOk(isAnswered)
  await lock.end()
  t.equal((await waiting).statusCode, 200)
})
