import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { disableUser } from '../../src/domain/accounts/administer-users.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { PASSWORD, post, signUp } from '../support/people.js'

function visible({ statusCode, headers, body }: LightMyRequestResponse) {
  const { date, 'x-request-id': id, ...others } = headers
  return { statusCode, headers: others, body: body.replace(String(id), 'the id of the request') }
}

/** How many statements are sent before the answer. */
async function statementsBefore({ stores, app }: TestApp, url: string, payload: object): Promise<number> {
  const counts: number[] = []
  // A background task may send a statement meanwhile.
  for (let times = 0; times < 5; times++) {
    await app.context.letterWork.settled()
    const before = stores.db.statementsSent
    await post(app, url, payload)
    counts.push(stores.db.statementsSent - before)
  }
  return Math.min(...counts)
}

t.test('asking for a new password answers alike for every address, and reads nothing before', async t => {
  const test = await buildTestApp(t)
  const { app } = test
  const ada = await signUp(app)
  const disabled = await signUp(app)
  await disableUser(app.context, disabled.userId, 'test')
  const emails = [ada.email, 'nobody@example.com', disabled.email, 'no address', ` ${ada.email.toUpperCase()}`]
  const expected = visible(await post(app, '/auth/forgot-password', { email: ada.email }))
  t.match(expected, { statusCode: 202, body: '' })
  for (const email of emails) {
    t.strictSame(visible(await post(app, '/auth/forgot-password', { email })), expected, email)
    t.equal(await statementsBefore(test, '/auth/forgot-password', { email }), 0, email)
  }
})

t.test(
  'a registration with REGISTRATION=verified answers alike for every address, after one password hash',
  async t => {
    const test = await buildTestApp(t, { REGISTRATION: 'verified' })
    const { app } = test
    const open = await test.another({ REGISTRATION: 'open' })
    const ada = await signUp(open.app)
    const disabled = await signUp(open.app)
    await disableUser(app.context, disabled.userId, 'test')
    let hashes = 0
    const { passwords } = app.context
    const { hash } = passwords
    Object.assign(passwords, {
      hash(...given: Parameters<typeof hash>) {
        hashes++
        return hash(...given)
      },
    })
    const emails = [ada.email, 'nobody@example.com', disabled.email, ada.email.toUpperCase()]
    const expected = visible(await post(app, '/auth/register', { email: ada.email, password: PASSWORD }))
    t.match(expected, { statusCode: 202, body: '' })
    for (const email of emails) {
      hashes = 0
      t.strictSame(visible(await post(app, '/auth/register', { email, password: PASSWORD })), expected, email)
      t.equal(hashes, 1, email)
      t.equal(await statementsBefore(test, '/auth/register', { email, password: PASSWORD }), 0, email)
    }
    const refused = await post(app, '/auth/register', { email: ada.email, password: 'short' })
    const other = await post(app, '/auth/register', { email: 'nobody@example.com', password: 'short' })
    t.strictSame(visible(refused), visible(other), 'a password that is refused')
  },
)

t.test('the limit of letters is the same for an address without an account, in every spelling', async t => {
  const { app } = await buildTestApp(t, { RATE_LIMIT: 'on', RATE_LIMIT_LETTERS: '2' })
  await signUp(app, 'ada@example.com')
  const refusals = []
  for (const domain of ['example.com', 'example.org']) {
    const ask = (name: string) => post(app, '/auth/forgot-password', { email: `${name}@${domain}` })
    for (const name of ['ada', 'ADA']) t.equal((await ask(name)).statusCode, 202)
    const { status, code, detail } = (await ask(' Ada')).json()
    refusals.push({ status, code, detail: detail.replace(/\d+ seconds?/, 'n seconds') })
  }
  const detail = 'At most 2 letters per hour to one address. Wait n seconds.'
  t.strictSame(refusals, Array(2).fill({ status: 429, code: 'rate_limited', detail }))
})

t.test('registering with an address does not use up the letters of its owner for a new password', async t => {
  const { app } = await buildTestApp(t, { RATE_LIMIT: 'on', RATE_LIMIT_LETTERS: '2', REGISTRATION: 'verified' })
  const email = 'victim@example.com'
  const register = () => post(app, '/auth/register', { email, password: PASSWORD })
  for (const status of [202, 202, 429]) t.equal((await register()).statusCode, status)
  t.equal((await post(app, '/auth/forgot-password', { email })).statusCode, 202)
})
