import t from 'tap'
import { createUser, findUserId } from '../../src/domain/accounts/administer-users.js'
import { findUsers } from '../../src/domain/accounts/find-users.js'
import { importUsers } from '../../src/domain/import/import-users.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { PASSWORD, post, signUp } from '../support/people.js'

// Chromium sends the domain of a field of the type `email` in ASCII, other browsers as it was typed.

const TYPED = 'User@B\u00FCcher.example'
const IN_UNICODE = 'user@b\u00FCcher.example'
const IN_ASCII = 'user@xn--bcher-kva.example'

const whoSignsIn = async ({ app }: TestApp, email: string, password = PASSWORD) =>
  (await post(app, '/auth/login', { email, password, transport: 'body' })).json().user?.id

/** Stores the e-mail of an account as an earlier version did. */
const storeAs = ({ database }: TestApp, id: string, email: string) =>
  database.admin`update users set email = ${email} where id = ${id}`

async function importOf({ app }: TestApp, ...accounts: object[]) {
  const refused: string[] = []
  const lines = accounts.map((account, at) => ({ number: at + 1, text: JSON.stringify(account) }))
  const watcher = { onRefused: (_: number, why: string) => refused.push(why), onIgnored() {}, onProgress() {} }
  const { imported, present } = await importUsers(
    app.context,
    (async function* () {
      yield* lines
    })(),
    watcher,
    'test',
  )
  return { imported, present, refused }
}

t.test('a user can sign up with one form of an international domain and sign in with the other', async t => {
  for (const [first, second] of [
    [TYPED, IN_ASCII],
    [IN_ASCII, TYPED],
  ] as const) {
    const test = await buildTestApp(t)
    const { userId } = await signUp(test.app, first)
    for (const email of [first, second, IN_UNICODE]) t.equal(await whoSignsIn(test, email), userId, email)
    t.match((await post(test.app, '/auth/register', { email: second, password: PASSWORD })).json(), {
      code: 'email_taken',
    })
    const change = { email: second, current_password: PASSWORD, new_password: 'another passphrase of theirs' }
    t.equal((await post(test.app, '/auth/change-password', change)).statusCode, 200)
  }
})

for (const stored of [IN_UNICODE, 'user@example.com.', 'user@exa..mple']) {
  t.test(`an account that an earlier version stored as ${stored} is found and not created twice`, async t => {
    const test = await buildTestApp(t)
    const { context } = test.app
    const { userId, accessToken } = await signUp(test.app)
    await storeAs(test, userId, stored)
    const spellings = stored === IN_UNICODE ? [IN_UNICODE, IN_ASCII, TYPED] : [stored]
    for (const email of spellings) {
      t.equal(await whoSignsIn(test, email), userId, email)
      t.equal(await findUserId(context, email), userId)
      const found = await findUsers(context, { field: 'email', text: email, isPrefix: false }, { limit: 10 })
      t.match(found.users, [{ id: userId }])
      const refusal = (await post(test.app, '/auth/register', { email, password: PASSWORD })).json().code
      t.match(refusal, /^(email_taken|invalid_email)$/)
      await t.rejects(createUser(context, { email }, 'test'), { code: refusal })
      await t.rejects(createUser(context, { email: 'eve@example.com', username: email }, 'test'), {
        code: 'invalid_username',
      })
    }
    const change = { email: spellings.at(-1), current_password: PASSWORD, new_password: 'another passphrase of theirs' }
    const changed = await post(test.app, '/auth/change-password', change, { authorization: `Bearer ${accessToken}` })
    t.equal(changed.statusCode, 200)
  })
}

t.test('two accounts with two spellings of one address are each signed in to with their own', async t => {
  const test = await buildTestApp(t)
  const [one, other] = [await signUp(test.app), await signUp(test.app)]
  await storeAs(test, one.userId, IN_UNICODE)
  await storeAs(test, other.userId, IN_ASCII)
  t.equal(await whoSignsIn(test, TYPED), one.userId)
  t.equal(await whoSignsIn(test, IN_ASCII), other.userId)
})

t.test('an import finds the accounts that an earlier version stored in another spelling', async t => {
  const test = await buildTestApp(t)
  const password_hash = '$2b$04$pWfBE2t2NVFv6hs.wwyLauEFuTqZvXWT2ZxpxD1OgPBRnAfPr4zfG'
  const line = { email: TYPED, external_id: 7, password_hash }
  t.same(await importOf(test, line), { imported: 1, present: 0, refused: [] })
  await test.database.admin`update users set email = ${IN_UNICODE}`
  t.same(await importOf(test, line), { imported: 0, present: 1, refused: [] })
  t.same(await importOf(test, { ...line, email: IN_ASCII }), { imported: 0, present: 1, refused: [] })
  t.same(await importOf(test, { ...line, external_id: 8 }, { ...line, email: 'ann@example.com', external_id: 9 }), {
    imported: 1,
    present: 0,
    refused: ['The account with this e-mail has another external_id.'],
  })
})

t.test('neither spelling of an e-mail is accepted as the password of its account', async t => {
  const { app } = await buildTestApp(t)
  for (const password of [IN_UNICODE, IN_ASCII])
    t.match((await post(app, '/auth/register', { email: TYPED, password })).json(), { code: 'password_is_email' })
})
