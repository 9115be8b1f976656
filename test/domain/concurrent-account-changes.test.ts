import argon2 from '@node-rs/argon2'
import type postgres from 'postgres'
import t from 'tap'
import { issuePasswordReset } from '../../src/domain/passwords/password-reset.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { PASSWORD, type Person, post, refresh, signIn, signUp, verify } from '../support/people.js'
import { whileOpen } from '../support/while-open.js'

async function liveSessions({ database }: TestApp, userId: string): Promise<number> {
  const [row] = await database.admin`
    select count(*)::int from refresh_tokens join sessions on sessions.id = session_id where user_id = ${userId}`
  return row!.count
}

/** What `POST /auth/logout {scope: "all"}` does, statement by statement. */
async function endEverySession(sql: postgres.TransactionSql, userId: string): Promise<void> {
  await sql`update users set token_version = token_version + 1 where id = ${userId}`
  await sql`update sessions set revoked_at = now() where user_id = ${userId}`
  await sql`delete from refresh_tokens using sessions where id = session_id and user_id = ${userId}`
}

const login = ({ app }: TestApp, email: string) =>
  post(app, '/auth/login', { email, password: PASSWORD, transport: 'body' })

t.test('a sign-in that is hashing while all sessions are revoked is refused', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const answer = await whileOpen(
    test,
    sql => endEverySession(sql, ada.userId),
    () => login(test, ada.email),
  )
  t.equal(answer.statusCode, 401)
  t.equal(answer.json().code, 'invalid_credentials')
  t.equal(await liveSessions(test, ada.userId), 0)
  t.equal((await login(test, ada.email)).statusCode, 200, 'the next sign-in succeeds')
})

t.test('a sign-in that is hashing while the user is disabled is refused', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const answer = await whileOpen(
    test,
    async sql => {
      await sql`update users set disabled_at = now() where id = ${ada.userId}`
      await endEverySession(sql, ada.userId)
    },
    () => login(test, ada.email),
  )
  t.equal(answer.statusCode, 401)
  t.equal(await liveSessions(test, ada.userId), 0)
})

t.test('a sign-in that is hashing while the password changes is refused', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const newHash = await argon2.hash('another passphrase altogether', { memoryCost: 19456, timeCost: 2, parallelism: 1 })
  const answer = await whileOpen(
    test,
    async sql => {
      await sql`update users set password_hash = ${newHash} where id = ${ada.userId}`
      await endEverySession(sql, ada.userId)
    },
    () => login(test, ada.email),
  )
  t.equal(answer.statusCode, 401)
  t.equal(await liveSessions(test, ada.userId), 0)
})

t.test('a sign-in succeeds although another one upgrades the hash meanwhile', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const strongerHash = await argon2.hash(PASSWORD, { memoryCost: 20000, timeCost: 2, parallelism: 1 })
  const answer = await whileOpen(
    test,
    sql => sql`update users set password_hash = ${strongerHash} where id = ${ada.userId}`,
    () => login(test, ada.email),
  )
  t.equal(answer.statusCode, 200)
})

t.test('an upgrade of a hash does not overwrite a password that changes meanwhile', async t => {
  const test = await buildTestApp(t, {}, { costlyHashes: true })
  const ada = await signUp(test.app)
  const weakHash = await argon2.hash(PASSWORD, { memoryCost: 4096, timeCost: 1, parallelism: 1 })
  const newHash = await argon2.hash('another passphrase altogether', { memoryCost: 19456, timeCost: 2, parallelism: 1 })
  await test.database.admin`update users set password_hash = ${weakHash} where id = ${ada.userId}`
  const answer = await whileOpen(
    test,
    async sql => {
      await sql`update users set password_hash = ${newHash} where id = ${ada.userId}`
      await endEverySession(sql, ada.userId)
    },
    () => login(test, ada.email),
  )
  t.equal(answer.statusCode, 401)
  const [user] = await test.database.admin`select password_hash from users where id = ${ada.userId}`
  t.equal(user!.password_hash, newHash)
  t.equal(await liveSessions(test, ada.userId), 0)
})

t.test('a weak hash is upgraded at sign-in', async t => {
  const test = await buildTestApp(t, {}, { costlyHashes: true })
  const ada = await signUp(test.app)
  const weakHash = await argon2.hash(PASSWORD, { memoryCost: 4096, timeCost: 1, parallelism: 1 })
  await test.database.admin`update users set password_hash = ${weakHash} where id = ${ada.userId}`
  t.equal((await login(test, ada.email)).statusCode, 200)
  const [user] = await test.database.admin`select password_hash from users where id = ${ada.userId}`
  t.match(user!.password_hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  t.equal((await login(test, ada.email)).statusCode, 200)
})

t.test('a refresh in progress while the user is disabled is refused', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const answer = await whileOpen(
    test,
    async sql => {
      await sql`update users set disabled_at = now() where id = ${ada.userId}`
      await endEverySession(sql, ada.userId)
    },
    () => refresh(test.app, ada.refreshToken),
  )
  t.equal(answer.statusCode, 401)
  t.equal(answer.json().code, 'user_disabled')
})

t.test('a refresh in progress while its session is revoked is refused', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const answer = await whileOpen(
    test,
    async sql => {
      await sql`update sessions set revoked_at = now() where id = ${ada.sessionId}`
      await sql`delete from refresh_tokens where session_id = ${ada.sessionId}`
    },
    () => refresh(test.app, ada.refreshToken),
  )
  t.equal(answer.json().code, 'session_revoked')
})

t.test('an access token refreshed just before all sessions are revoked is revoked too', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const refreshed = (await refresh(test.app, ada.refreshToken)).json()
  await post(test.app, '/auth/logout', { scope: 'all', refresh_token: refreshed.refresh_token })
  t.equal(await verify(test.app, refreshed.access_token), 'token_revoked')
})

t.test('a password change revokes every session, the current one too, and opens a new one', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const other = await signIn(test.app, ada.email)
  const stolenParent = other.refreshToken
  const changed = await post(test.app, '/auth/change-password', {
    email: ada.email,
    current_password: PASSWORD,
    new_password: 'another passphrase altogether',
    transport: 'body',
  })
  t.equal(changed.statusCode, 200)
  t.equal((await refresh(test.app, stolenParent)).statusCode, 401)
  t.equal((await refresh(test.app, ada.refreshToken)).statusCode, 401)
  t.equal(await verify(test.app, ada.accessToken), 'token_revoked')
  t.equal(await verify(test.app, changed.json().access_token), 200)
  t.not(changed.json().session_id, ada.sessionId)
  t.equal((await login(test, ada.email)).statusCode, 401, 'the old password is invalid')
})

t.test('of two concurrent password changes one succeeds and the other is refused', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const change = (new_password: string) =>
    post(test.app, '/auth/change-password', { email: ada.email, current_password: PASSWORD, new_password })
  const answers = await Promise.all([change('the first new passphrase'), change('the second new passphrase')])
  t.strictSame(answers.map(({ statusCode }) => statusCode).sort(), [200, 401])
  t.equal(await liveSessions(test, ada.userId), 1)
})

/** A password reset in progress with a valid token. */
async function resetUnderWay(test: TestApp, ada: Person, change: (sql: postgres.TransactionSql) => Promise<unknown>) {
  const { token } = await issuePasswordReset(test.app.context, ada.email, 'test')
  const body = { token, new_password: 'another passphrase altogether', transport: 'body' }
  return whileOpen(test, change, () => post(test.app, '/auth/reset-password', body))
}

t.test('a password reset that is hashing while the user is disabled is refused', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const answer = await resetUnderWay(test, ada, async sql => {
    await sql`update users set disabled_at = now() where id = ${ada.userId}`
    await endEverySession(sql, ada.userId)
  })
  t.equal(answer.json().code, 'reset_token_invalid')
  t.equal(await liveSessions(test, ada.userId), 0)
})

t.test('a password reset that is hashing while the password changes does not overwrite it', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const newHash = await argon2.hash('the passphrase of the owner', { memoryCost: 19456, timeCost: 2, parallelism: 1 })
  const answer = await resetUnderWay(test, ada, async sql => {
    await sql`update users set password_hash = ${newHash} where id = ${ada.userId}`
    await sql`delete from password_resets where user_id = ${ada.userId}`
    await endEverySession(sql, ada.userId)
  })
  t.equal(answer.json().code, 'reset_token_invalid')
  const [user] = await test.database.admin`select password_hash from users where id = ${ada.userId}`
  t.equal(user!.password_hash, newHash)
})

t.test('a password reset succeeds although a sign-in upgrades the hash meanwhile', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const strongerHash = await argon2.hash(PASSWORD, { memoryCost: 20000, timeCost: 2, parallelism: 1 })
  const answer = await resetUnderWay(
    test,
    ada,
    sql => sql`update users set password_hash = ${strongerHash} where id = ${ada.userId}`,
  )
  t.equal(answer.statusCode, 200)
  t.equal((await login(test, ada.email)).statusCode, 401, 'the old password is invalid')
})

t.test('a sign-in that is hashing while the password is reset leaves no session', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const { token } = await issuePasswordReset(test.app.context, ada.email, 'test')
  const [signedIn, reset] = await Promise.all([
    login(test, ada.email),
    post(test.app, '/auth/reset-password', { token, new_password: 'another passphrase altogether' }),
  ])
  t.equal(reset.statusCode, 200)
  if (signedIn.statusCode === 200) t.equal(await verify(test.app, signedIn.json().access_token), 'token_revoked')
  t.equal(await liveSessions(test, ada.userId), 1)
})

t.test('concurrent sign-ins never leave more sessions than MAX_SESSIONS_PER_USER', async t => {
  const test = await buildTestApp(t, { MAX_SESSIONS_PER_USER: '3' })
  const ada = await signUp(test.app)
  const signedIn = await Promise.all(Array.from({ length: 6 }, () => signIn(test.app, ada.email)))
  t.equal(await liveSessions(test, ada.userId), 3)
  const answers = await Promise.all(signedIn.map(({ accessToken }) => verify(test.app, accessToken)))
  t.equal(answers.filter(answer => answer === 200).length, 3, 'the oldest sessions were revoked at once')
})
