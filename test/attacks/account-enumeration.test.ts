import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { disableUser } from '../../src/domain/accounts/administer-users.js'
import { buildTestApp } from '../support/build-test-app.js'
import { PASSWORD, post, signUp } from '../support/people.js'

t.test('an unknown account, a wrong password and a disabled account get one response, headers included', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const disabled = await signUp(app)
  await disableUser(app.context, disabled.userId, 'test')
  const attempts = {
    'a wrong password': { email: ada.email, password: 'wrong' },
    'an unknown address': { email: 'nobody@example.com', password: 'wrong' },
    'an unknown username': { username: 'nobody', password: 'wrong' },
    'an invalid address': { email: 'nobody', password: 'wrong' },
    'a disabled account': { email: disabled.email, password: 'wrong' },
    'a disabled account and its password': { email: disabled.email, password: PASSWORD },
    'the password of another account': { email: 'nobody@example.com', password: PASSWORD },
    'a password over the maximum length': { email: ada.email, password: 'x'.repeat(1000) },
  }
  const answerTo = async (url: string, payload: object) => {
    const { statusCode, headers, body } = await post(app, url, payload)
    const { date, 'x-request-id': id, ...others } = headers
    return { statusCode, headers: others, body: body.replace(String(id), 'the id of the request') }
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

t.test('the refusal by the limit of failures is the same for a name without an account', async t => {
  const limits = { RATE_LIMIT: 'on', RATE_LIMIT_PER_ADDRESS: '100', RATE_LIMIT_FAILURES_PER_ACCOUNT: '2' }
  const { app } = await buildTestApp(t, limits)
  const ada = await signUp(app)
  const refusals = []
  for (const email of [ada.email, 'nobody@example.com']) {
    for (let guess = 0; guess < 2; guess++) await post(app, '/auth/login', { email, password: `${guess}` })
    const { status, code, detail } = (await post(app, '/auth/login', { email, password: 'x' })).json()
    refusals.push({ status, code, detail: detail.replace(/\d+ seconds?/, 'n seconds') })
  }
  const detail = 'At most 2 failed sign-ins per minute with one sign-in name. Wait n seconds.'
  t.strictSame(refusals, Array(2).fill({ status: 429, code: 'rate_limited', detail }))
})

/** The median time of a refusal for each account, interleaved because the load of the machine varies. */
async function refusalMs(app: FastifyInstance, emails: Record<string, string>, rounds: number) {
  const taken = Object.keys(emails).map((name): [string, number[]] => [name, []])
  for (let round = 0; round < rounds; round++) {
    for (const [name, times] of taken) {
      const startedAt = performance.now()
      await post(app, '/auth/login', { email: emails[name], password: `wrong ${round}` })
      times.push(performance.now() - startedAt)
    }
  }
  return taken.map(([name, times]): [string, number] => [name, times.sort((a, b) => a - b)[rounds >> 1]!])
}

function looksAlike(t: Test, times: [string, number][]): void {
  const [, first] = times[0]!
  for (const [name, ms] of times)
    t.ok(ms > first / 3 && ms < first * 3, `${name}: ${ms.toFixed(1)} ms beside ${first.toFixed(1)} ms`)
}

t.test('each failed sign-in costs one password hash, whether or not the account exists', async t => {
  const { app } = await buildTestApp(t, { HASH_CONCURRENCY: '1' }, { costlyHashes: true })
  const disabled = await signUp(app)
  await disableUser(app.context, disabled.userId, 'test')
  const emails = {
    'an account': (await signUp(app)).email,
    'an unknown address': 'nobody@example.com',
    'an invalid address': 'no address',
    'a disabled account': disabled.email,
  }
  looksAlike(t, await refusalMs(app, emails, 15))
})

t.test('before its response a failed sign-in sends as many statements for no account as for an account', async t => {
  const { app, stores } = await buildTestApp(t)
  const ada = await signUp(app)
  const statements = async (email: string) => {
    const counts: number[] = []
    // A background task may send a statement meanwhile.
    for (let times = 0; times < 5; times++) {
      const before = stores.db.statementsSent
      await post(app, '/auth/login', { email, password: 'wrong' })
      counts.push(stores.db.statementsSent - before)
    }
    return Math.min(...counts)
  }
  t.equal(await statements(ada.email), await statements('nobody@example.com'), 'as many statements for both')
})

t.test('all spellings of a name share one limit, whether or not it has an account', async t => {
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
