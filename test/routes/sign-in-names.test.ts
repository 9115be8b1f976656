import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { PASSWORD, post, signUp } from '../support/people.js'

t.test('an e-mail in the username field signs in at every sign-in URL, ignoring case and spaces', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app, 'ada@example.com')
  for (const username of ['ada@example.com', 'Ada@Example.COM', ' ada@example.com']) {
    const answer = await post(app, '/auth/login', { username, password: PASSWORD })
    t.equal(answer.statusCode, 200, username)
    t.equal(answer.json().user.id, ada.userId)
    t.equal((await post(app, '/api/token/', { username, password: PASSWORD })).statusCode, 200)
  }
  t.equal((await post(app, '/auth/login', { username: 'eve@example.com', password: PASSWORD })).statusCode, 401)
})

t.test('an account with this e-mail takes precedence over an account with it as a username', async t => {
  const { app, database } = await buildTestApp(t)
  const eve = await signUp(app, 'eve@example.com')
  await database.admin`update users set username = 'ada@example.com' where id = ${eve.userId}`
  const idOf = async () => {
    const answer = await post(app, '/auth/login', { username: 'ada@example.com', password: PASSWORD })
    return answer.json().user?.id
  }
  t.equal(await idOf(), eve.userId, 'while no account has the e-mail, the username is used')
  const ada = await signUp(app, 'ada@example.com')
  t.equal(await idOf(), ada.userId)
})

t.test('failed sign-ins count for one account, whether the e-mail is in the e-mail or the username field', async t => {
  const { app } = await buildTestApp(t, { RATE_LIMIT: 'on', RATE_LIMIT_FAILURES_PER_ACCOUNT: '2' })
  const attempt = async (names: object) =>
    (await post(app, '/auth/login', { ...names, password: 'a wrong password' })).statusCode
  for (const email of ['nobody@example.com', (await signUp(app)).email]) {
    t.equal(await attempt({ email }), 401)
    t.equal(await attempt({ username: email.toUpperCase() }), 401)
    t.equal(await attempt({ username: email }), 429)
    t.equal(await attempt({ email }), 429)
  }
})
