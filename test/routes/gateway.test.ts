import { Redis } from 'ioredis'
import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { get, refresh, signUp, verify } from '../support/people.js'
import { startRedis } from '../support/servers/own-redis.js'

t.test('/auth/verify returns the identity in headers and an empty body', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const response = await get(app, '/auth/verify', ada.accessToken)
  t.equal(response.statusCode, 200)
  t.equal(response.body, '')
  t.match(response.headers, {
    'x-auth-subject': ada.userId,
    'x-auth-session': ada.sessionId,
    'x-auth-roles': '',
    'cache-control': 'no-store',
  })
})

t.test('/auth/verify?role= requires one of the given roles, and a misspelled parameter is refused', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUp(app)
  await database.admin`update users set roles = '{editor,author}' where id = ${ada.userId}`
  const { access_token } = (await refresh(app, ada.refreshToken)).json()
  const ask = async (query: string) => (await get(app, `/auth/verify?${query}`, access_token)).statusCode
  t.equal(await ask('role=editor'), 200)
  t.equal(await ask('role=admin&role=author'), 200)
  t.equal(await ask('role=admin'), 403)
  t.equal(await ask('role='), 403)
  t.equal(await ask('roles=editor'), 403)
  t.equal(await ask('role[]=editor'), 403)
  t.equal((await get(app, '/auth/verify', access_token)).headers['x-auth-roles'], 'editor,author')
})

t.test(
  'a refusal of /auth/verify has security headers, because gateways send it to browsers, and an empty 200 has none',
  async t => {
    const { app } = await buildTestApp(t)
    const ada = await signUp(app)
    const refused = await get(app, '/auth/verify', `${ada.accessToken}x`)
    t.match(refused, {
      statusCode: 401,
      headers: { 'x-content-type-options': 'nosniff', 'content-security-policy': /./ },
    })
    t.notMatch(refused.headers, { 'x-auth-subject': /./ })
    t.notOk((await get(app, '/auth/verify', ada.accessToken)).headers['content-security-policy'])
  },
)

t.test('verifying a known token needs neither Postgres nor Redis', async t => {
  const redis = await startRedis(t)
  const { app, stores } = await buildTestApp(t, { REDIS_URL: redis.url })
  const ada = await signUp(app)
  await verify(app, ada.accessToken)
  const observer = new Redis(redis.url)
  t.teardown(() => observer.disconnect())
  const commandsOfRedis = async () => Number(/total_commands_processed:(\d+)/.exec(await observer.info('stats'))![1])

  const before = { statements: stores.db.statementsSent, commands: await commandsOfRedis(), at: performance.now() }
  for (let times = 0; times < 2000; times++) {
    if ((await verify(app, ada.accessToken)) !== 200) return void t.fail('it was refused')
  }
  const statements = stores.db.statementsSent - before.statements
  const commands = (await commandsOfRedis()) - before.commands
  const seconds = (performance.now() - before.at) / 1000
  t.comment(`2000 verifications in ${seconds.toFixed(1)} s, ${statements} statements, ${commands} commands`)
  // Once a second, independent of requests, the journal is read, the stream is followed and activity is sent.
  t.ok(statements <= 5 * (seconds + 1), `${statements} statements`)
  t.ok(commands <= 20 * (seconds + 1), `${commands} commands`)
})
