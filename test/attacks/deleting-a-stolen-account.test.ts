import t from 'tap'
import { UNUSABLE_HASH } from '../../src/domain/passwords/hash-formats.js'
import { buildTestApp } from '../support/build-test-app.js'
import { askForDeletion, typesOf } from '../support/deletions.js'
import { PASSWORD, post, signIn, signUp, verify } from '../support/people.js'

t.test('a stolen access token cannot delete the account without the password, or guess it', async t => {
  const test = await buildTestApp(t, { RATE_LIMIT: 'on', RATE_LIMIT_FAILURES_PER_ACCOUNT: '2' })
  const { app } = test
  const ada = await signUp(app)
  const answers = []
  for (let guess = 0; guess < 4; guess++) answers.push((await askForDeletion(app, ada, `guess ${guess}`)).json().code)
  t.same(answers, ['invalid_credentials', 'invalid_credentials', 'rate_limited', 'rate_limited'])
  t.equal((await askForDeletion(app, ada)).json().code, 'rate_limited', 'not even with the right one')
  const change = { current_password: PASSWORD, new_password: 'another passphrase altogether' }
  const headers = { authorization: `Bearer ${ada.accessToken}` }
  t.equal((await post(app, '/auth/change-password', change, headers)).json().code, 'rate_limited', 'one limit for both')
  t.equal((await post(app, '/auth/login', { email: ada.email, password: PASSWORD })).statusCode, 200)
  t.equal((await app.context.db.users.findById(ada.userId))!.deleteAt, null)
})

t.test('wrong passwords for the deletion lock the account like others', async t => {
  const { app } = await buildTestApp(t, { LOCKOUT_FAILURES: '2' })
  const ada = await signUp(app)
  for (let guess = 0; guess < 2; guess++) await askForDeletion(app, ada, `guess ${guess}`)
  t.equal((await post(app, '/auth/login', { email: ada.email, password: PASSWORD })).statusCode, 401)
  t.equal((await askForDeletion(app, ada)).statusCode, 202, 'a live session has its own attempts')
})

t.test('a token of an ended session deletes nothing, even with the password', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const phone = await signIn(app, ada.email)
  await post(app, '/auth/logout', {}, { authorization: `Bearer ${ada.accessToken}` })
  t.equal((await askForDeletion(app, ada)).json().code, 'token_revoked')
  t.equal(await verify(app, phone.accessToken), 200)
})

t.test('a page of another site deletes nothing', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }])
    t.equal((await askForDeletion(app, ada, PASSWORD, headers)).json().code, 'cross_site_request')
  t.equal(await verify(app, ada.accessToken), 200)
})

t.test('one user’s password does not delete the account of another', async t => {
  const test = await buildTestApp(t)
  const { app } = test
  const ada = await signUp(app)
  const { userId, accessToken } = await signUp(app)
  await app.context.db.users.changePassword(
    userId,
    (await app.context.db.users.findById(userId))!,
    await app.context.passwords.hash('only of this account'),
  )
  const bob = await post(app, '/auth/login', {
    email: (await app.context.db.users.findById(userId))!.email,
    password: 'only of this account',
    transport: 'body',
  })
  t.not(bob.json().access_token, accessToken)
  const answer = await askForDeletion(app, { accessToken: bob.json().access_token }, PASSWORD)
  t.equal(answer.json().code, 'invalid_credentials')
  t.notOk((await typesOf(test, ada.userId)).includes('account_deletion_requested'))
})

t.test('an account without a password is not deleted by any password', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUp(app)
  await database.admin`update users set password_hash = ${UNUSABLE_HASH} where id = ${ada.userId}`
  for (const password of [PASSWORD, UNUSABLE_HASH])
    t.equal((await askForDeletion(app, ada, password)).json().code, 'invalid_credentials')
})
