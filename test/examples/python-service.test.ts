import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { setRoles } from '../../src/domain/accounts/administer-users.js'
import { revokeSigningKey } from '../../src/domain/keys/rotate-signing-key.js'
import { signOutEveryone } from '../../src/domain/sessions/end-many-sessions.js'
import { forgerOf } from '../attacks/forger.js'
import { makeClient, postForm } from '../support/clients.js'
import { until } from '../support/eventually.js'
import { type Person, post, signIn, signUp } from '../support/people.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { checkVerification, verdict } from './ask-service.js'
import { startExampleProcess } from './example-process.js'
import { bearer, FILE, open, python, reaches, skip } from './python-process.js'

t.test('the service accepts a user’s token, and refuses a token that is wrong in one way', { skip }, async t => {
  const test = await open(t)
  await checkVerification(t, test, await test.serve(), test.user)
})

t.test('the service asks for roles and for a recent sign-in, as the other examples do', { skip }, async t => {
  const test = await open(t)
  const { app, user } = test
  const service = await test.serve()
  const ready = await fetch(`${service.url}/ready`)
  t.same(await ready.json(), { mode: 'following', state: 'fresh' })
  const send = async (path: string, token: string | undefined, method = 'GET') => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const answer = await fetch(service.url + path, { method, headers })
    return { status: answer.status, body: await answer.json(), challenge: answer.headers.get('www-authenticate') }
  }
  const forbidden = { status: 403, body: { code: 'insufficient_role' }, challenge: null }
  t.same(await send('/reports', user.accessToken), forbidden)
  await setRoles(app.context, user.userId, ['accountant'], 'test')
  const { accessToken } = await signIn(app, user.email)
  t.match(await send('/reports', accessToken), { status: 200, body: { reports: [] } })
  t.match(await send('/reports', undefined), { status: 401, body: { code: 'authentication_required' } })

  t.match(await send('/payments', accessToken, 'POST'), { status: 201, body: { payer: user.userId } })
  t.match(await send('/payments', undefined, 'POST'), { status: 401, body: { code: 'authentication_required' } })
  const forger = await forgerOf(test, accessToken)
  const old = forger.token({}, { auth_time: Math.floor(Date.now() / 1000) - 310 })
  t.match(await send('/payments', old, 'POST'), {
    status: 401,
    body: { code: 'insufficient_user_authentication' },
    challenge: /^Bearer error="insufficient_user_authentication", max_age="300"$/,
  })
  for (const method of ['GET', 'POST']) t.equal((await send('/other', accessToken, method)).status, 404)
})

t.test('the service refuses a token soon after its revocation, whatever the kind', { skip }, async t => {
  const test = await open(t)
  const { app, user } = test
  const service = await test.serve()
  const other = await signUp(app)
  t.equal(await verdict(service, user), 200)

  await post(app, '/auth/logout', {}, bearer(user))
  await reaches(service, user, 'token_revoked')

  const [kept, alone] = [await signIn(app, user.email), await signIn(app, user.email)]
  const { basic } = await makeClient(app, 'admin')
  await postForm(app, '/oauth/revoke', { token: alone.accessToken }, { authorization: basic })
  await reaches(service, alone, 'token_revoked')
  t.equal(await verdict(service, kept), 200, 'another session of the user')

  await setRoles(app.context, user.email, ['editor'], 'test')
  await reaches(service, kept, 'token_stale')
  const editor = await signIn(app, user.email)
  t.equal(await verdict(service, editor), 200, 'a token with the new roles')

  await post(app, '/auth/logout', { scope: 'all' }, bearer(editor))
  await reaches(service, editor, 'token_revoked')
  t.equal(await verdict(service, other), 200, 'another user')

  const { kid } = await forgerOf(test, other.accessToken)
  await revokeSigningKey(app.context, kid, 'test')
  await reaches(service, other, 'token_stale')
  const newer = await signIn(app, other.email)
  await reaches(service, newer, 200)

  await signOutEveryone(app.context, 'test')
  await reaches(service, newer, 'token_revoked')
  t.equal(await verdict(service, await signIn(app, other.email)), 200, 'a session that began after it')
})

t.test('the verifier of the service has fewer than 120 lines of code, as the docs say', async t => {
  const lines = (await readFile(resolve(FILE, '../latchkey.py'), 'utf8')).split('\n').map(line => line.trim())
  t.ok(lines.filter(line => line !== '' && !line.startsWith('#') && !line.startsWith('"""')).length < 120)
})

t.test('a revocation during a broken connection is known when the connection is back', { skip }, async t => {
  const { app, network, user, serve } = await open(t)
  const service = await serve()
  t.equal(await verdict(service, user), 200)
  await network.refuse()
  await post(app, '/auth/logout', {}, bearer(user))
  t.equal(await verdict(service, user), 200, 'the service has not heard of it')
  await network.heal()
  await reaches(service, user, 'token_revoked')
})

t.test('a service that was cut in its snapshot verifies nothing until it has the whole', { skip }, async t => {
  const { app, network, env, user } = await open(t)
  await post(app, '/auth/logout', {}, bearer(user))
  const bystander = await signUp(app)
  const cut = network.cutAt('"kind":"session"', 'down')
  const service = await startExampleProcess(t, python!, [FILE], env)
  await cut
  const verdicts = new Set<unknown>()
  await until(async () => {
    verdicts.add(await verdict(service, user))
    return (await verdict(service, bystander)) === 200
  }, `it has the revocations: ${service.output()}`)
  t.notOk(verdicts.has(200), 'a revoked token was never accepted')
  t.match(service.output(), 'was cut')
  t.equal(await verdict(service, user), 'token_revoked')
})

t.test('without news for its bound the service answers 503 to everything, and then catches up', { skip }, async t => {
  const { app, network, user, serve } = await open(t)
  const service = await serve()
  const bystander = await signUp(app)
  t.equal(await verdict(service, bystander), 200)
  network.blackHole()
  await post(app, '/auth/logout', {}, bearer(user))
  await reaches(service, bystander, 'revocations_stale')
  t.equal((await fetch(`${service.url}/ready`)).status, 503)
  t.equal(await verdict(service, user), 'revocations_stale')
  await network.heal()
  await reaches(service, bystander, 200)
  t.equal(await verdict(service, user), 'token_revoked')
})

t.test('after a crash and a restart the service still refuses what was revoked', { skip }, async t => {
  const { app, user, serve } = await open(t)
  const service = await serve()
  await post(app, '/auth/logout', {}, bearer(user))
  await reaches(service, user, 'token_revoked')
  await service.kill()
  await reaches(await serve(), user, 'token_revoked')
})

t.test(
  'a receipt waits for the service, names it while it is cut off, and not after it has stopped',
  { skip },
  async t => {
    const { app, network, user, serve } = await open(t)
    const service = await serve({ SERVICE_NAME: 'orders', MAX_STALENESS: '60' })
    const [second, third] = [await signIn(app, user.email), await signIn(app, user.email)]
    const logOut = (person: Person, seconds: number) =>
      post(app, '/auth/logout', {}, { ...bearer(person), prefer: `wait=${seconds}` })

    const applied = await logOut(user, 10)
    t.equal(applied.statusCode, 204)
    t.equal(await verdict(service, user), 'token_revoked', 'at once')

    network.blackHole()
    const late = await logOut(second, 1)
    t.equal(late.statusCode, 202)
    t.match(late.body, '"orders"')
    await network.heal()
    await reaches(service, second, 'token_revoked')

    service.child.kill('SIGTERM')
    await once(service.child, 'close')
    t.equal((await logOut(third, 10)).statusCode, 204, 'no receipt waits for a service that has stopped')
  },
)

t.test('a clock that is wrong by a minute refuses nobody, and accepts no expired token', { skip }, async t => {
  const test = await open(t)
  const forger = await forgerOf(test, test.user.accessToken)
  const now = Math.floor(Date.now() / 1000)
  const tokenUntil = (exp: number) => ({ ...test.user, accessToken: forger.token({}, { exp }) })
  for (const offset of [-60, 60]) {
    const service = await test.serve({ PYTHONPATH: await shiftedClock(t, offset) })
    t.equal(await verdict(service, tokenUntil(now + 40)), 200, `${offset} s, valid for 40 s`)
    t.equal(await verdict(service, tokenUntil(now - 40)), 'token_expired', `${offset} s, expired 40 s ago`)
  }
})

/** Python imports sitecustomize.py of its path at its start. */
async function shiftedClock(t: Test, seconds: number): Promise<string> {
  const folder = await makeFolder(t)
  await mkdir(folder, { recursive: true })
  const lines = ['import time', 'now = time.time', `time.time = lambda: now() + ${seconds}`, '']
  await writeFile(join(folder, 'sitecustomize.py'), lines.join('\n'))
  return folder
}
