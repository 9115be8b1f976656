import fc from 'fast-check'
import t from 'tap'
import { newId } from '../../src/lib/ids.js'
import { parseTextArray } from '../../src/postgres/pool/client-options.js'
import { buildTestApp } from '../support/build-test-app.js'

t.test('an array of texts is read from the database exactly as it was written', async t => {
  const { stores, database } = await buildTestApp(t)
  const { users } = stores.db
  const id = newId()
  await users.insert({ id, email: 'ada@example.com', earlierEmails: [], passwordHash: '!', mustChangePassword: false })
  const roundTrip = async (roles: string[]) => {
    await users.setRoles(id, roles)
    const [row] = await database.admin`select array_to_json(roles) as roles from users where id = ${id}`
    return { read: (await users.findById(id))!.roles, stored: row!.roles }
  }
  const texts = [
    'ad\\min',
    '\\',
    '\\\\"',
    '"',
    '{a,b}',
    'NULL',
    'null',
    '',
    ' ',
    'a b',
    '\n',
    "'",
    '\u{1F511}',
    '[1:2]=',
  ]
  for (const roles of [texts, [], ...texts.map(text => [text])])
    t.strictSame(await roundTrip(roles), { read: roles, stored: roles })
  const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: fc.constantFrom(...'a\\"{},N ') }))
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 5 }), async roles => {
      if (roles.some(role => role.includes('\0'))) return
      t.strictSame(await roundTrip(roles), { read: roles, stored: roles })
    }),
    { numRuns: 100 },
  )
})

t.test('parsing a Postgres text array drops NULLs and ignores array bounds', async t => {
  t.strictSame(parseTextArray('{a,NULL,"NULL",b}'), ['a', 'NULL', 'b'])
  t.strictSame(parseTextArray('[2:3]={a,b}'), ['a', 'b'])
  t.strictSame(parseTextArray('{}'), [])
})
