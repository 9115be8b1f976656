import t from 'tap'
import { disableUser } from '../../src/auth/administer-users.js'
import { buildTestApp } from '../support/build-test-app.js'
import { PASSWORD, post, signUp } from '../support/people.js'

t.test('an unknown, a wrong and a disabled sign-in answer alike, to the last header', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const disabled = await signUp(app)
  await disableUser(app.context, disabled.userId, 'test')
  const attempts = {
    'a wrong password': { email: ada.email, password: 'wrong' },
    'an unknown address': { email: 'nobody@example.com', password: 'wrong' },
    'an unknown username': { username: 'nobody', password: 'wrong' },
    'what is no address': { email: 'nobody', password: 'wrong' },
    'a disabled account': { email: disabled.email, password: 'wrong' },
    'a disabled account and its password': { email: disabled.email, password: PASSWORD },
    'the password of another': { email: 'nobody@example.com', password: PASSWORD },
    'a password that no account may have': { email: ada.email, password: 'x'.repeat(1000) },
  }
  const answerTo = async (url: string, payload: object) => {
    const { statusCode, headers, body } = await post(app, url, payload)
    const { date, ...others } = headers
    return { statusCode, headers: others, body }
  }
  for (const transport of ['cookie', 'body']) {
    const expected = await answerTo('/auth/login', { ...attempts['a wrong password'], transport })
    t.match(expected, { statusCode: 401, body: 'invalid_credentials' })
    for (const [name, payload] of Object.entries(attempts))
      t.strictSame(await answerTo('/auth/login', { ...payload, transport }), expected, name)
  }

  const change = ({ email, password }: { email: string; password: string }) =>
    answerTo('/auth/change-password', { email, current_password: password, new_password: 'another good passphrase' })
  const expected = await change(attempts['a wrong password'])
  t.match(expected, { statusCode: 401, body: 'invalid_credentials' })
  for (const name of ['an unknown address', 'a disabled account', 'a disabled account and its password'] as const)
    t.strictSame(await change(attempts[name]), expected, `${name}, changing the password`)
})

t.test('each of them costs a hash, so that the time tells nothing either', async t => {
  const { app } = await buildTestApp(t, { HASH_CONCURRENCY: '1' })
  const ada = await signUp(app)
  const disabled = await signUp(app)
  await disableUser(app.context, disabled.userId, 'test')
  const emails = [ada.email, 'nobody@example.com', 'no address', disabled.email]
  const fastestMs = new Map<string, number>()
  // Interleaved, and the fastest of many: other work on the machine can only add.
  for (let round = 0; round < 15; round++) {
    for (const email of emails) {
      const startedAt = performance.now()
      await post(app, '/auth/login', { email, password: `wrong ${round}` })
      fastestMs.set(email, Math.min(fastestMs.get(email) ?? Number.POSITIVE_INFINITY, performance.now() - startedAt))
    }
  }
  const wrong = fastestMs.get(ada.email)!
  for (const [email, ms] of fastestMs)
    t.ok(ms > wrong / 3 && ms < wrong * 3, `${email}: ${ms.toFixed(1)} ms beside ${wrong.toFixed(1)} ms`)
})

t.test('what is written down about a refusal is written while nobody waits', async t => {
  const { app, stores } = await buildTestApp(t)
  const ada = await signUp(app)
  const statements = async (email: string) => {
    const counts: number[] = []
    // What runs by itself may send one meanwhile.
    for (let times = 0; times < 5; times++) {
      const before = stores.db.statementsSent
      await post(app, '/auth/login', { email, password: 'wrong' })
      counts.push(stores.db.statementsSent - before)
    }
    return Math.min(...counts)
  }
  t.equal(await statements(ada.email), await statements('nobody@example.com'), 'as many statements for both')
})

t.test('spellings of a name do not tell by their limit whether it has an account', async t => {
  const { app } = await buildTestApp(t, { RATE_LIMIT: 'on', RATE_LIMIT_FAILURES_PER_ACCOUNT: '3' })
  await signUp(app, 'ada@example.com')
  const statuses = async (domain: string) => {
    const spellings = ['ada', 'ADA', 'Ada', 'aDa', 'adA', 'AdA'].map(name => `${name}@${domain}`)
    const answers = []
    for (const email of spellings) answers.push(await post(app, '/auth/login', { email, password: 'wrong' }))
    return answers.map(({ statusCode }) => statusCode)
  }
  t.strictSame(await statuses('example.com'), [401, 401, 401, 429, 429, 429])
  t.strictSame(await statuses('example.org'), [401, 401, 401, 429, 429, 429])
})
