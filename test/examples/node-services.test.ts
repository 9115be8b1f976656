import { once } from 'node:events'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { setRoles } from '../../src/domain/accounts/administer-users.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { makeClient } from '../support/clients.js'
import { until } from '../support/eventually.js'
import { findFreePort } from '../support/free-port.js'
import { type Person, post, signIn, signUp } from '../support/people.js'
import { listen } from '../support/raw-request.js'
import { ask, verdict } from './ask-service.js'
import type { ExampleProcess } from './example-process.js'
import { NODE_SERVICES, type NodeService, startNodeService } from './node-services.js'

interface Setting extends TestApp {
  env: NodeJS.ProcessEnv
  user: Person
}

async function open(t: Test): Promise<Setting> {
  const test = await buildTestApp(t)
  const env = {
    LATCHKEY_ISSUER: test.config.issuer,
    LATCHKEY_URL: `http://127.0.0.1:${await listen(test.app)}`,
    ACCESS_COOKIE: 'access',
  }
  return { ...test, env, user: await signUp(test.app) }
}

/** The environment of a service that follows the revocations. */
async function following({ app, env }: Setting): Promise<NodeJS.ProcessEnv> {
  const { id, secret } = await makeClient(app, 'revocations')
  return { ...env, LATCHKEY_CLIENT_ID: id, LATCHKEY_CLIENT_SECRET: secret }
}

const bearer = ({ accessToken }: Person) => ({ authorization: `Bearer ${accessToken}` })

const ready = async ({ url }: ExampleProcess) => {
  const answer = await fetch(`${url}/ready`)
  return { status: answer.status, ...((await answer.json()) as object) }
}

for (const name of Object.keys(NODE_SERVICES) as NodeService[]) {
  t.test(`${name} refuses a token a moment after the sign-out`, async t => {
    const test = await open(t)
    const { app, user } = test
    const service = await startNodeService(t, name, await following(test))
    await until(async () => (await ready(service)).status === 200, `it is ready: ${service.output()}`)
    t.match(await ready(service), { mode: 'following', state: 'fresh' })

    const accepted = { status: 200, body: { user: user.userId, session: user.sessionId, roles: [] } }
    t.match(await ask(service, `Bearer ${user.accessToken}`), accepted)
    t.match(await ask(service), { status: 401, body: { code: 'authentication_required' } })
    const changed = `${user.accessToken.slice(0, -4)}AAAA`
    t.match(await ask(service, `Bearer ${changed}`), { status: 401, body: { code: 'token_invalid' } })

    await post(app, '/auth/logout', {}, bearer(user))
    await until(async () => (await verdict(service, user)) === 'token_revoked', `it is told: ${service.output()}`)
    t.equal(await verdict(service, await signIn(app, user.email)), 200)
  })

  t.test(`${name} asks for roles and for a recent sign-in`, async t => {
    const test = await open(t)
    const { app, user } = test
    const service = await startNodeService(t, name, test.env)
    await until(async () => (await ready(service)).status === 200, `it is ready: ${service.output()}`)
    t.match(await ready(service), { mode: 'offline' })

    const reports = async (person: Person) =>
      (await fetch(`${service.url}/reports`, { headers: bearer(person) })).status
    t.equal(await reports(user), 403)
    await setRoles(app.context, user.userId, ['accountant'], 'test')
    t.equal(await reports(await signIn(app, user.email)), 200)

    const pay = () => fetch(`${service.url}/payments`, { method: 'POST', headers: bearer(user) })
    t.equal((await pay()).status, 201)
    t.equal((await fetch(`${service.url}/payments`, { method: 'POST' })).status, 401)
  })

  t.test(`${name} can be started before Latchkey, and stops when it is told to`, async t => {
    const { app, config } = await buildTestApp(t)
    const user = await signUp(app)
    const port = await findFreePort()
    const env = { LATCHKEY_ISSUER: config.issuer, LATCHKEY_URL: `http://127.0.0.1:${port}` }
    const service = await startNodeService(t, name, env)
    t.match(await ready(service), { status: 503, state: 'starting' })
    t.equal(await verdict(service, user), 'keys_unavailable')

    await app.listen({ host: '127.0.0.1', port })
    await until(async () => (await verdict(service, user)) === 200, `it accepts the token: ${service.output()}`)

    const exited = once(service.child, 'exit')
    service.child.kill('SIGTERM')
    t.same(await exited, [0, null])
  })
}

t.test('http-service closes a WebSocket whose user has signed out', async t => {
  const test = await open(t)
  const { app, user } = test
  const service = await startNodeService(t, 'http-service', await following(test))
  await until(async () => (await ready(service)).status === 200, `it is ready: ${service.output()}`)
  const address = service.url.replace('http', 'ws')
  const connect = (headers: Record<string, string>) => new WebSocket(address, { headers })
  const cookie = `access=${user.accessToken}`

  const socket = connect({ cookie, origin: service.url })
  await once(socket, 'open')
  socket.send('hello')
  const [answer] = await once(socket, 'message')
  t.equal(String(answer), `${user.userId}: hello`)

  const refusedOf = async (headers: Record<string, string>) => {
    const [, response] = await once(
      connect(headers).on('error', () => {}),
      'unexpected-response',
    )
    return response.statusCode
  }
  t.equal(await refusedOf({}), 401)
  t.equal(await refusedOf({ cookie, origin: 'https://other.example' }), 403, 'a page of another site')

  await post(app, '/auth/logout', {}, bearer(user))
  await until(async () => (await verdict(service, user)) === 'token_revoked', `it is told: ${service.output()}`)
  socket.send('still here?')
  const [code, reason] = await once(socket, 'close')
  t.same([code, String(reason)], [1008, 'token_revoked'])
})
