import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient } from '../support/clients.js'
import { get, refresh, signUp } from '../support/people.js'
import { payloadOf } from './forger.js'

const SPELLINGS = [
  'ADMIN',
  'Admin',
  ' admin',
  'admin ',
  'ad\u200Bmin',
  '\uFEFFadmin',
  'admin\u034F',
  'adm\u0131n',
  '\uFF41\uFF44\uFF4D\uFF49\uFF4E',
  '\u{1D41A}\u{1D41D}\u{1D426}\u{1D422}\u{1D427}',
  'ad\\min',
  '"admin"',
  'x,admin',
  '%61dmin',
]
/** These do not read as admin: they are ordinary roles. */
const HARMLESS = new Set(['"admin"', '%61dmin'])

t.test('a role that reads as admin in another spelling cannot be assigned', async t => {
  const { app } = await buildTestApp(t)
  const headers = await asClient(app, 'admin')
  const { userId } = await signUp(app)
  for (const role of SPELLINGS.filter(role => !HARMLESS.has(role))) {
    const payload = { roles: ['editor', role] }
    const answer = await app.inject({ method: 'PATCH', url: `/admin/users/${userId}`, headers, payload })
    t.equal(answer.json().code, 'invalid_role', JSON.stringify(role))
  }
  t.strictSame((await app.context.db.users.findById(userId))!.roles, [])
})

t.test('another spelling of admin, written directly into the database, makes no user an administrator', async t => {
  const { app, database } = await buildTestApp(t)
  const mallory = await signUp(app)
  for (const role of SPELLINGS) {
    await database.admin`update users set roles = ${[role]} where id = ${mallory.userId}`
    const { access_token: token } = (await refresh(app, mallory.refreshToken)).json()
    t.notOk((payloadOf(token).roles as string[]).includes('admin'), JSON.stringify(role))
    t.equal((await get(app, '/admin/users', token)).statusCode, 403, role)
    for (const url of ['/auth/verify?role=admin', '/auth/verify-role/admin/x'])
      t.equal((await get(app, url, token)).statusCode, 403, role)
    const header = (await get(app, '/auth/verify', token)).headers['x-auth-roles'] as string
    // Other services may compare roles differently. ADMIN and Admin were carried by earlier versions, and still are.
    if (!['ADMIN', 'Admin'].includes(role)) t.notMatch(header, /(^|,)\s*admin/i, JSON.stringify(role))
    t.notOk(header.split(',').map(decodeURIComponent).includes('admin'), JSON.stringify(role))
  }
})
