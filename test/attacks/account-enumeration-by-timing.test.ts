import t from 'tap'
import { disableUser } from '../../src/domain/accounts/administer-users.js'
import type { AuthContext } from '../../src/domain/context.js'
import { createFailureDelay } from '../../src/domain/login/failure-delay.js'
import { logIn } from '../../src/domain/login/log-in.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { PASSWORD, post, signUp } from '../support/people.js'

const DELAY_MS = 200

/**
 * A context with a stopped clock that records when each failure would be answered, in milliseconds. No failure is
 * answered until `size` of them wait.
 */
function withStoppedClock({ app }: TestApp, size = 1): { context: AuthContext; moments(): number[] } {
  const moments: number[] = []
  let release = () => {}
  const allThere = new Promise<void>(resolve => {
    release = resolve
  })
  const until = (momentMs: number) => {
    if (moments.push(momentMs) === size) release()
    return allThere
  }
  const failureDelay = createFailureDelay({ delayMs: DELAY_MS, now: () => 0, until })
  return { context: { ...app.context, failureDelay }, moments: () => moments.sort((a, b) => a - b) }
}

/** The times at which concurrent wrong guesses at one name are answered. */
async function burst(test: TestApp, email: string, size = 10): Promise<number[]> {
  const { context, moments } = withStoppedClock(test, size)
  const guess = (_: unknown, index: number) =>
    t.rejects(logIn(context, { email, password: `wrong ${index}`, transport: 'body' }, {}), {
      code: 'invalid_credentials',
    })
  await Promise.all(Array.from({ length: size }, guess))
  return moments()
}

const aDelayApart = (size: number) => Array.from({ length: size }, (_, place) => (place + 1) * DELAY_MS)

async function withHash({ app, database }: TestApp, hash: string) {
  const person = await signUp(app)
  await database.admin`update users set password_hash = ${hash} where id = ${person.userId}`
  return person
}

const bcryptOfCost = (cost: string) => `$2b$${cost}$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2`

t.test('a burst of guesses is answered at the same times for an account with a slow row as for no account', async t => {
  const test = await buildTestApp(t, {}, { costlyHashes: true })
  const ada = await signUp(test.app)
  // As with a slow disk or a distant replica: counting an attempt locks the row, and the others wait for it.
  await test.database.admin.unsafe(`
    create function slow_commit() returns trigger language plpgsql
      as 'begin perform pg_sleep(0.05); return null; end';
    create constraint trigger slow_commit after update on users deferrable initially deferred
      for each row execute function slow_commit();`)
  t.same(await burst(test, 'nobody@example.com'), aDelayApart(10))
  t.same(await burst(test, ada.email), aDelayApart(10))
  const [row] = await test.database.admin`select failed_logins from users where id = ${ada.userId}`
  t.equal(row!.failed_logins, 10, 'all guesses were counted')
})

t.test('a burst of guesses is answered at the same times for a slow imported hash as for no account', async t => {
  const test = await buildTestApp(t, {}, { costlyHashes: true })
  const imported = await withHash(test, bcryptOfCost('10'))
  t.same(await burst(test, imported.email, 4), aDelayApart(4))
  t.same(await burst(test, 'nobody@example.com', 4), aDelayApart(4))
})

t.test('no failed sign-in is answered before SIGN_IN_FAILURE_DELAY, whatever the reason', async t => {
  const test = await buildTestApp(
    t,
    { SIGN_IN_FAILURE_DELAY: `${DELAY_MS}ms`, LOCKOUT_FAILURES: '1' },
    { costlyHashes: true },
  )
  const { app } = test
  const [ada, disabled, locked] = [await signUp(app), await signUp(app), await signUp(app)]
  await disableUser(app.context, disabled.userId, 'test')
  await test.database.admin`update users set failed_logins = 1 where id = ${locked.userId}`
  const [quick, damaged] = [await withHash(test, bcryptOfCost('04')), await withHash(test, '$2b$12$')]
  const logInTo = (email: string, password = 'wrong') => post(app, '/auth/login', { email, password })
  const attempts = {
    'a wrong password': () => logInTo(ada.email),
    'an unknown address': () => logInTo('nobody@example.com'),
    'an invalid address': () => logInTo('no address'),
    'a disabled account': () => logInTo(disabled.email, PASSWORD),
    'a locked account': () => logInTo(locked.email, PASSWORD),
    'a quick bcrypt hash': () => logInTo(quick.email),
    'a damaged hash': () => logInTo(damaged.email),
    'a wrong current password': () =>
      post(app, '/auth/change-password', { email: 'none@example.com', current_password: 'x', new_password: PASSWORD }),
    'Simple JWT': () => post(app, '/api/token/', { email: 'noone@example.com', password: 'wrong' }),
  }
  for (const [name, attempt] of Object.entries(attempts)) {
    const startedAt = performance.now()
    t.equal((await attempt()).statusCode, 401, name)
    t.ok(performance.now() - startedAt >= DELAY_MS, name)
  }
})

t.test('a sign-in refused because the account was disabled meanwhile is answered no sooner', async t => {
  const test = await buildTestApp(t, {}, { costlyHashes: true })
  const ada = await signUp(test.app)
  const { context, moments } = withStoppedClock(test)
  const { passwords } = context
  const verify: typeof passwords.verify = async (...asked) => {
    const isRight = await passwords.verify(...asked)
    await disableUser(test.app.context, ada.userId, 'test')
    return isRight
  }
  const credentials = { email: ada.email, password: PASSWORD, transport: 'body' } as const
  const signIn = logIn({ ...context, passwords: { ...passwords, verify } }, credentials, {})
  await t.rejects(signIn, { code: 'invalid_credentials' })
  t.same(moments(), [DELAY_MS])
})

t.test('the correct password is answered at once, while wrong ones wait', async t => {
  const test = await buildTestApp(t, {}, { costlyHashes: true })
  const ada = await signUp(test.app)
  const { context, moments } = withStoppedClock(test, 2)
  const signIn = (password: string) => logIn(context, { email: ada.email, password, transport: 'body' }, {})
  const held = signIn('wrong')
  t.match(await signIn(PASSWORD), { accessToken: String })
  await Promise.allSettled([held, signIn('wrong')])
  t.equal(moments().length, 2, 'only the two wrong passwords were delayed')
})

t.test('a rate-limited sign-in does not look up the account, so its time reveals nothing', async t => {
  const { app, stores } = await buildTestApp(
    t,
    { RATE_LIMIT: 'on', RATE_LIMIT_FAILURES_PER_ACCOUNT: '1' },
    { costlyHashes: true },
  )
  const ada = await signUp(app)
  for (const [email, cookie] of [
    [ada.email, ''],
    ['nobody@example.com', ''],
    [ada.email, '__Host-latchkey-device=x'],
  ]) {
    const attempt = () => post(app, '/auth/login', { email, password: 'wrong' }, { cookie: cookie! })
    await attempt()
    const before = stores.db.statementsSent
    t.equal((await attempt()).statusCode, 429)
    // A background task may send a statement meanwhile.
    t.ok(stores.db.statementsSent - before <= 1, `${email} ${cookie}`)
  }
})
