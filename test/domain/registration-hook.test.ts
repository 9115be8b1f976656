import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { RegistrationMessage } from '../../src/domain/accounts/registration-hook.js'
import { newWebhookSecret } from '../../src/domain/webhooks/signature.js'
import { buildTestApp } from '../support/build-test-app.js'
import { withLetters } from '../support/letters.js'
import { claimsOf, PASSWORD, post } from '../support/people.js'
import { startWebhookReceiver } from '../support/webhook-receiver.js'

/** An instance whose registrations are decided by a receiver. */
async function withHook(t: Test, overrides: NodeJS.ProcessEnv = {}) {
  const receiver = await startWebhookReceiver(t)
  receiver.secret = newWebhookSecret()
  const service = await buildTestApp(t, {
    DELIVERY_ALLOWED_NETWORKS: 'loopback',
    REGISTRATION_HOOK_URL: receiver.url,
    REGISTRATION_HOOK_SECRET: receiver.secret,
    ...overrides,
  })
  const { app, database } = service
  return {
    ...service,
    receiver,
    register: (email: string, password = PASSWORD) =>
      post(app, '/auth/register', { email, password, transport: 'body' }, { 'user-agent': 'Firefox/145.0' }),
    accounts: async () =>
      (await database.admin`select email, claims from users order by email`).map(row => ({ ...row })),
  }
}

const json = (response: ServerResponse, body: unknown, status = 200) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

t.test('the hook is asked before the account exists, signed and without the password', async t => {
  const { receiver, register, accounts } = await withHook(t)
  let existing: unknown[] | undefined
  receiver.answer = async response => {
    existing = await accounts()
    response.writeHead(204).end()
  }
  t.equal((await register('Ada@Example.com')).statusCode, 201)
  t.same(existing, [])
  t.same(receiver.refused, [], 'the signature is right')
  const [message] = receiver.arrived as unknown as [RegistrationMessage]
  t.match(message, {
    type: 'registration',
    data: { email: 'ada@example.com', ip: '127.0.0.1', user_agent: 'Firefox/145.0', device: { browser: 'Firefox' } },
  })
  t.notMatch(JSON.stringify(message), PASSWORD)
  t.same(await accounts(), [{ email: 'ada@example.com', claims: null }])
})

t.test('the hook gives an account its first claims, which the first token carries', async t => {
  const { receiver, register, accounts } = await withHook(t)
  receiver.answer = response => json(response, { claims: { tenant: 'acme' } })
  const registered = (await register('ada@example.com')).json()
  t.same(claimsOf(registered.access_token).ext, { tenant: 'acme' })
  t.same(registered.user.claims, { tenant: 'acme' })
  t.same(await accounts(), [{ email: 'ada@example.com', claims: { tenant: 'acme' } }])
})

t.test('the hook refuses a registration, with a message for the person', async t => {
  const { app, receiver, register, accounts } = await withHook(t, {
    DIALECTS: 'envelope',
    REGISTRATION_HOOK_ON_FAILURE: 'allow',
  })
  const refused = async (answer: object, expected: object) => {
    receiver.answer = response => json(response, answer)
    const response = await register('ada@example.com')
    t.match(response.json(), { status: 403, code: 'registration_refused', ...expected })
    return response.json()
  }
  await refused({ allow: false, message: 'Only for invited people.' }, { detail: 'Only for invited people.' })
  t.notOk('detail' in (await refused({ allow: false }, {})))
  t.notOk('detail' in (await refused({ allow: false, message: { text: 'no' } }, {})))
  t.equal((await refused({ allow: false, message: 'a\u0000\nb'.padEnd(900, 'x') }, {})).detail.length, 200)
  await refused({ allow: false, roles: ['admin'], claims: 'none' }, {})
  const answer = await post(app, '/api/v1/auth/register', { email: 'ada@example.com', password: PASSWORD })
  t.match(answer.json(), { success: false, code: 'registration_refused' }, 'also in the other API')
  t.same(await accounts(), [])
})

t.test('an answer that is none refuses the registration, or is no obstacle, as the setting says', async t => {
  const wrong: Record<string, (response: ServerResponse) => unknown> = {
    'status 500': response => response.writeHead(500).end(),
    'status 403': response => json(response, { allow: true }, 403),
    'no JSON': response => response.writeHead(200).end('<html>'),
    'no body': response => response.writeHead(200).end(),
    'a list': response => json(response, []),
    roles: response => json(response, { roles: ['admin'] }),
    'allow is a text': response => json(response, { allow: 'yes' }),
    'reserved claims': response => json(response, { claims: { sub: 'somebody' } }),
    'large claims': response => json(response, { claims: { a: 'x'.repeat(1025) } }),
    'a large answer': response => json(response, { claims: { a: 'x'.repeat(100_000) } }),
    'a redirect': response => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    'no answer': () => {},
    'half an answer': response => response.writeHead(200, { 'content-length': '100' }).write('{"allow": true,'),
    'a cut connection': response => response.socket!.destroy(),
  }
  for (const onFailure of ['refuse', 'allow']) {
    const { receiver, register, accounts } = await withHook(t, {
      REGISTRATION_HOOK_ON_FAILURE: onFailure,
      REGISTRATION_HOOK_TIMEOUT: '200ms',
    })
    for (const [name, answer] of Object.entries(wrong)) {
      receiver.answer = answer
      const response = await register(`${name.replaceAll(' ', '-')}@example.com`)
      if (onFailure === 'allow') t.equal(response.statusCode, 201, name)
      else
        t.match(
          { ...response.json(), retryAfter: response.headers['retry-after'] },
          { status: 503, code: 'registration_hook_unavailable', retryAfter: '5' },
          name,
        )
    }
    const created = await accounts()
    t.equal(created.length, onFailure === 'allow' ? Object.keys(wrong).length : 0)
    t.ok(created.every(({ claims }) => claims === null))
  }
})

t.test('a connection that the receiver closed meanwhile is opened again', async t => {
  const { receiver, register } = await withHook(t)
  let requests = 0
  receiver.answer = response => (requests++ === 0 ? response.socket!.destroy() : response.writeHead(204).end())
  t.equal((await register('ada@example.com')).statusCode, 201)
  t.equal(requests, 2)
})

t.test('a private address is not asked unless it is allowed', async t => {
  let requests = 0
  const server = createServer((_request, response) => {
    requests++
    response.writeHead(204).end()
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  for (const host of ['127.0.0.1', 'localhost']) {
    const { register } = await withHook(t, {
      DELIVERY_ALLOWED_NETWORKS: '10.0.0.0/8',
      REGISTRATION_HOOK_URL: `http://${host}:${port}/`,
    })
    t.match((await register('ada@example.com')).json(), { code: 'registration_hook_unavailable' }, host)
  }
  t.equal(requests, 0)
})

t.test('whether the address has an account makes no difference to the hook and to its refusal', async t => {
  const { receiver, register } = await withHook(t)
  receiver.answer = response => response.writeHead(204).end()
  t.equal((await register('ada@example.com')).statusCode, 201)
  t.equal((await register('ada@example.com')).json().code, 'email_taken')
  t.equal(receiver.arrived.length, 2, 'it is asked for both')
  receiver.answer = response => json(response, { allow: false })
  const [known, unknown] = [await register('ada@example.com'), await register('bob@example.com')]
  const { request_id: _, ...ofKnown } = known.json()
  t.match(unknown.json(), ofKnown)
})

t.test('a registration that is refused anyway does not ask the hook', async t => {
  const { receiver, register } = await withHook(t)
  t.equal((await register('nobody')).json().code, 'invalid_email')
  t.equal((await register('ada@example.com', 'short')).json().code, 'password_too_short')
  t.same(receiver.arrived, [])
})

t.test(
  'with REGISTRATION=verified the hook is asked when somebody registers, and its claims wait with the registration',
  async t => {
    const hook = await startWebhookReceiver(t)
    hook.secret = newWebhookSecret()
    const { app, database, letters } = await withLetters(t, {
      REGISTRATION: 'verified',
      REGISTRATION_HOOK_URL: hook.url,
      REGISTRATION_HOOK_SECRET: hook.secret,
    })
    const register = (email: string) => post(app, '/auth/register', { email, password: PASSWORD })
    hook.answer = response => json(response, { claims: { tenant: 'acme' } })
    t.equal((await register('ada@example.com')).statusCode, 202)
    hook.answer = response => json(response, { allow: false })
    t.equal((await register('mallory@example.com')).json().code, 'registration_refused')
    const [letter, ...more] = await letters()
    t.same(more, [])
    t.equal((await post(app, '/auth/verify-email', { token: letter!.token })).statusCode, 204)
    const [account] = await database.admin`select email, claims from users`
    t.same({ ...account }, { email: 'ada@example.com', claims: { tenant: 'acme' } })
  },
)
