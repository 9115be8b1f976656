import t from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { askForDeletion, DAY, deleteDue, exists, typesOf } from '../support/deletions.js'
import { PASSWORD, type Person, post, signUp } from '../support/people.js'
import { whileOpen } from '../support/while-open.js'

const login = ({ app }: TestApp, email: string) =>
  post(app, '/auth/login', { email, password: PASSWORD, transport: 'body' })

/** Sends a request whose password is verified before the deletion is requested, and which ends after that. */
const whileDeletionIsRequested = <Answer>(test: TestApp, { userId }: Person, request: () => Promise<Answer>) =>
  whileOpen(
    test,
    sql => sql`
      update users set delete_at = now() + interval '1 day', token_version = token_version + 1 where id = ${userId}`,
    request,
  )

/** Accounts whose deletion is due. */
async function dueAccounts(test: TestApp, count: number) {
  const people = []
  for (let index = 0; index < count; index++) {
    const person = await signUp(test.app)
    await askForDeletion(test.app, person)
    people.push(person)
  }
  await test.clock.advance(14 * DAY + 60)
  return people
}

t.test('a sign-in that is hashing while the deletion is asked for is refused, and does not cancel it', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const answer = await whileDeletionIsRequested(test, ada, () => login(test, ada.email))
  t.match(answer.json(), { status: 401, code: 'invalid_credentials' })
  t.ok((await test.app.context.db.users.findById(ada.userId))!.deleteAt)
  t.match((await login(test, ada.email)).json(), { deletion_cancelled: true }, 'the next one does')
})

t.test('a change of the password that is hashing meanwhile is refused too, and does not cancel it', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const change = { email: ada.email, current_password: PASSWORD, new_password: 'another passphrase altogether' }
  const answer = await whileDeletionIsRequested(test, ada, () =>
    post(test.app, '/auth/change-password', { ...change, transport: 'body' }),
  )
  t.match(answer.json(), { status: 401, code: 'invalid_credentials' })
  t.ok((await test.app.context.db.users.findById(ada.userId))!.deleteAt)
})

t.test('a sign-in while the account is deleted is refused', async t => {
  const test = await buildTestApp(t)
  const [ada] = await dueAccounts(test, 1)
  const answer = await whileOpen(
    test,
    sql => sql`delete from users where id = ${ada!.userId}`,
    () => login(test, ada!.email),
  )
  t.match(answer.json(), { status: 401, code: 'invalid_credentials' })
  t.notOk((await typesOf(test, ada!.userId)).includes('account_deletion_cancelled'))
})

t.test('an account whose deletion is being cancelled is not deleted', async t => {
  const test = await buildTestApp(t)
  const [ada, bob] = await dueAccounts(test, 2)
  await test.database.admin.begin(async sql => {
    await sql`update users set delete_at = null where id = ${ada!.userId}`
    t.equal(await deleteDue(test), 1, 'nobody waits for it')
  })
  t.equal(await deleteDue(test), 0)
  t.same([await exists(test, ada!.userId), await exists(test, bob!.userId)], [true, false])
})

t.test(
  'many sign-ins while accounts are deleted: each account is kept with a session, or gone without one',
  async t => {
    const test = await buildTestApp(t)
    const people = await dueAccounts(test, 12)
    const signIns = people.map(person => login(test, person.email))
    const [answers] = await Promise.all([Promise.all(signIns), deleteDue(test, 2), deleteDue(await test.another(), 2)])
    for (const [index, { userId }] of people.entries()) {
      const kept = answers[index]!.statusCode === 200
      t.equal(await exists(test, userId), kept)
      const types = await typesOf(test, userId)
      t.equal(types.filter(type => type === 'account_deletion_cancelled').length, kept ? 1 : 0)
      t.equal(types.filter(type => type === 'user_deleted').length, kept ? 0 : 1)
    }
  },
)

t.test('a user who became the only administrator meanwhile is not deleted', async t => {
  const test = await buildTestApp(t)
  const [ada, bob] = await dueAccounts(test, 2)
  await test.database.admin`update users set roles = '{admin}' where id = ${ada!.userId}`
  await deleteDue(test, 1)
  t.same([await exists(test, ada!.userId), await exists(test, bob!.userId)], [true, false])
})

t.test('two instances delete each account once, and both go on in small batches', async t => {
  const test = await buildTestApp(t)
  const people = await dueAccounts(test, 5)
  const other = await test.another()
  await Promise.all([deleteDue(test, 2), deleteDue(other, 2)])
  await deleteDue(test, 2)
  for (const { userId } of people) {
    t.notOk(await exists(test, userId))
    t.equal((await typesOf(test, userId)).filter(type => type === 'user_deleted').length, 1)
  }
})

t.test('an instance deletes nothing while another one does, and does not wait', async t => {
  const test = await buildTestApp(t)
  const [ada] = await dueAccounts(test, 1)
  const other = await test.another()
  await other.app.context.db.transaction(async ({ cleanUpLock }) => {
    t.equal(await cleanUpLock.take(), true)
    t.equal(await deleteDue(test), 0)
  })
  t.ok(await exists(test, ada!.userId))
  t.equal(await deleteDue(test), 1)
})

t.test('a deletion that is due writes a revocation, as an administrator’s does', async t => {
  const test = await buildTestApp(t)
  const [ada] = await dueAccounts(test, 1)
  await test.database.admin`delete from revocations`
  await deleteDue(test)
  const rows = await test.database.admin`select reason from revocations where subject = ${ada!.userId}`
  t.same([...rows], [{ reason: 'user_deleted' }])
})
