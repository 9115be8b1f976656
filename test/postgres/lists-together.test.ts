import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { get, signIn, signUp } from '../support/people.js'
import { sentStatements } from '../support/sent-statements.js'

// Lists of sessions that are asked for in one turn of the event loop share a statement.

const EVERYBODY = 20

t.test('lists that are asked for at once share statements, and each contains the own sessions only', async t => {
  const { app, stores } = await buildTestApp(t)
  const people = await Promise.all(Array.from({ length: EVERYBODY }, () => signUp(app)))
  const sessionsOf = await Promise.all(
    people.map(async ({ email, sessionId }, at) =>
      at % 3 === 0 ? [sessionId] : [(await signIn(app, email)).sessionId, sessionId],
    ),
  )
  const nobody = '00000000-0000-7000-8000-000000000000'

  const statements = await sentStatements(async () => {
    const asked = [...people.map(({ userId }) => userId), nobody, people[0]!.userId]
    const lists = await Promise.all(asked.map(userId => stores.db.sessions.liveOf(userId)))
    const ids = lists.map(list => list.map(({ id }) => id))
    t.same(ids, [...sessionsOf, [], sessionsOf[0]], 'the newest first')
    t.notOk(lists.flat().some(session => 'userId' in session))
  })
  t.ok(statements.length <= 4, `${statements.length} statements for ${EVERYBODY + 2} lists`)

  const answers = await Promise.all(people.map(person => get(app, '/auth/sessions', person.accessToken)))
  for (const [at, answer] of answers.entries()) {
    const listed: { id: string; current: boolean }[] = answer.json()
    t.same(
      listed.map(({ id }) => id),
      sessionsOf[at],
    )
    t.same(
      listed.filter(({ current }) => current).map(({ id }) => id),
      [people[at]!.sessionId],
    )
  }
})
