import { execFile } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { revokeSigningKey } from '../../src/domain/keys/rotate-signing-key.js'
import { encode, forgerOf } from '../attacks/forger.js'
import { type ExampleProcess, startExampleProcess } from '../examples/example-process.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { asClient } from '../support/clients.js'
import { until } from '../support/eventually.js'
import { type Person, post, signUp } from '../support/people.js'
import { listen } from '../support/raw-request.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { skipWithout } from '../support/skip-without.js'

const root = resolve(import.meta.dirname, '../..')
const folder = resolve(root, 'examples/verifying')
const python = '/usr/bin/python3'
const hasPackages = await promisify(execFile)(python, ['-c', 'import jwt, authlib, cryptography']).then(
  () => true,
  () => false,
)
const skip = skipWithout(
  hasPackages,
  'Python has no PyJWT, Authlib and cryptography: install Debian’s python3-jwt, python3-authlib and python3-cryptography',
)

const WAYS = ['jose', 'jsonwebtoken', 'passport-jwt', 'express-oauth2-jwt-bearer', 'with_pyjwt', 'with_authlib']

/** Starts the example that verifies tokens in one of the ways. */
function startWay(t: Test, way: string, env: NodeJS.ProcessEnv, inFolder = folder): Promise<ExampleProcess> {
  return way.startsWith('with_')
    ? startExampleProcess(t, python, [resolve(inFolder, 'serve.py'), way], env)
    : startExampleProcess(t, process.execPath, [resolve(inFolder, 'serve.mjs'), way], env)
}

interface Setting extends TestApp {
  user: Person
  env: NodeJS.ProcessEnv
}

async function open(t: Test): Promise<Setting> {
  const test = await buildTestApp(t)
  const LATCHKEY_URL = `http://127.0.0.1:${await listen(test.app)}`
  const user = await signUp(test.app)
  return { ...test, user, env: { LATCHKEY_ISSUER: test.config.issuer, LATCHKEY_URL } }
}

async function ask({ url }: { url: string }, authorization?: string) {
  const answer = await fetch(`${url}/me`, authorization === undefined ? {} : { headers: { authorization } })
  const { headers, status } = answer
  return { status, headers, body: (await answer.json()) as Record<string, unknown> }
}

for (const way of WAYS) {
  const options = { skip: way.startsWith('with_') && skip }

  t.test(
    `${way}: a user’s access token is accepted, and a token that is wrong in one way is refused`,
    options,
    async t => {
      const test = await open(t)
      const { user } = test
      const service = await startWay(t, way, test.env)
      const forger = await forgerOf(test, user.accessToken)
      const accepted = { status: 200, body: { user: user.userId, session: user.sessionId, roles: [] } }
      t.match(await ask(service, `Bearer ${user.accessToken}`), accepted)
      t.match(
        await ask(service, `Bearer ${forger.token({})}`),
        accepted,
        'a token of the forger that is wrong in no way',
      )

      const [header, payload, signature] = user.accessToken.split('.') as [string, string, string]
      const symmetric = `${encode(JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: forger.kid }))}.${payload}`
      const publicPem = forger.publicKey.export({ type: 'spki', format: 'pem' })
      const wrong: Record<string, string> = {
        'another audience': forger.token({}, { aud: 'https://other.example' }),
        'no audience': forger.token({}, { aud: undefined }),
        'another issuer': forger.token({}, { iss: 'https://other.example' }),
        'the issuer with a slash': forger.token({}, { iss: `${test.config.issuer}/` }),
        'the type of another JWT': forger.token({ typ: 'JWT' }),
        'no type': forger.token({ typ: undefined }),
        'no expiry': forger.token({}, { exp: undefined }),
        'no session': forger.token({}, { sid: undefined }),
        'no user': forger.token({}, { sub: undefined }),
        'a changed payload': `${header}.${encode(JSON.stringify({ ...JSON.parse(Buffer.from(payload, 'base64url').toString()), sub: 'other' }))}.${signature}`,
        'a changed signature': `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
        'a short signature': `${header}.${payload}.AAAA`,
        'no signature': `${encode(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid: forger.kid }))}.${payload}.`,
        'the public key used as a secret': `${symmetric}.${createHmac('sha256', publicPem).update(symmetric).digest('base64url')}`,
        'another algorithm': forger.token({ alg: 'RS256' }),
        'an unknown key': forger.token({ kid: 'unknown' }),
        'the token of a client': (await asClient(test.app, 'introspect')).authorization.slice('Bearer '.length),
        'a refresh token': user.refreshToken,
        'no JWT': 'a.b.c',
        'no dots': 'abc',
      }
      for (const [what, token] of Object.entries(wrong)) {
        const { status, body, headers } = await ask(service, `Bearer ${token}`)
        t.strictSame({ status, body }, { status: 401, body: { code: 'token_invalid' } }, what)
        t.equal(headers.get('www-authenticate'), 'Bearer error="invalid_token"', what)
      }
      const second = Math.floor(Date.now() / 1000)
      const expired = await ask(service, `Bearer ${forger.token({}, { exp: second - 60 })}`)
      t.match(expired, { status: 401, body: { code: 'token_expired' } }, 'an expired token')
      for (const authorization of [undefined, 'Basic abc', 'Bearer ']) {
        const answer = await ask(service, authorization)
        t.match(answer, { status: 401, body: { code: 'authentication_required' } }, `${authorization}`)
        t.equal(answer.headers.get('www-authenticate'), 'Bearer')
      }
      // Some libraries accept these while there is one key. Only the holder of our key can make them.
      for (const kid of [undefined, 7, '', null]) {
        const { status } = await ask(service, `Bearer ${forger.token({ kid })}`)
        t.ok(status === 200 || status === 401, `a kid that is ${JSON.stringify(kid)}: ${status}`)
      }
      t.match(await ask(service, `Bearer ${user.accessToken}`), accepted, 'the valid token is still accepted')
    },
  )

  t.test(
    `${way}: a revoked token is accepted until it expires, and a revoked key until the keys are fetched`,
    options,
    async t => {
      const test = await open(t)
      const authorization = `Bearer ${test.user.accessToken}`
      const service = await startWay(t, way, test.env)
      t.equal((await ask(service, authorization)).status, 200)
      await post(test.app, '/auth/logout', {}, { authorization })
      t.equal((await ask(service, authorization)).status, 200, 'the session was revoked')

      const forger = await forgerOf(test, test.user.accessToken)
      await revokeSigningKey(test.app.context, forger.kid, 'test')
      t.equal((await ask(service, authorization)).status, 200, 'the key was revoked')
      const restarted = await startWay(t, way, test.env)
      t.match(await ask(restarted, authorization), { status: 401, body: { code: 'token_invalid' } })
    },
  )

  t.test(`${way}: keys that cannot be fetched are no reason to call a token invalid`, options, async t => {
    const { config, user } = await open(t)
    const gateways: Record<string, RequestListener> = {
      'an error': (_, response) => response.writeHead(502).end('<h1>gateway</h1>'),
      'a page': (_, response) => response.writeHead(200).end('<h1>gateway</h1>'),
      'a closed connection': request => request.socket.destroy(),
      'no answer in time': () => {},
    }
    const urls: Record<string, string> = { 'nothing that listens': 'http://127.0.0.1:9' }
    for (const [what, answer] of Object.entries(gateways)) urls[what] = await listenWith(t, answer)
    await Promise.all(
      Object.entries(urls).map(async ([what, LATCHKEY_URL]) => {
        const service = await startWay(t, way, { LATCHKEY_ISSUER: config.issuer, LATCHKEY_URL })
        const { status, body, headers } = await ask(service, `Bearer ${user.accessToken}`)
        t.strictSame(
          { status, body },
          { status: 503, body: { code: 'keys_unavailable' } },
          `${what}: ${service.output()}`,
        )
        t.equal(headers.get('retry-after'), '5', what)
      }),
    )
  })
}

t.test(
  'with RS256 in the place of ES256 each library refuses with the error that the page names',
  { skip },
  async t => {
    const { env, user } = await open(t)
    const copy = await makeFolder(t)
    await symlink(resolve(root, 'node_modules'), resolve(copy, 'node_modules'))
    for (const name of (await readdir(folder)).filter(name => /\.(mjs|py)$/.test(name))) {
      const text = await readFile(resolve(folder, name), 'utf8')
      await writeFile(resolve(copy, name), text.replaceAll('ES256', 'RS256'))
    }
    const page = await readFile(resolve(root, 'docs/verifying.md'), 'utf8')
    for (const way of WAYS) {
      const [, error] = new RegExp(`^\\| ${way} \\| \`([^\`]+)\``, 'm').exec(page) ?? []
      const service = await startWay(t, way, env, copy)
      t.match(await ask(service, `Bearer ${user.accessToken}`), { status: 401, body: { code: 'token_invalid' } }, way)
      await until(
        () => service.output().includes(`refused: token_invalid: ${error}`),
        `${way} printed ${error}: ${service.output()}`,
      )
    }
  },
)

async function listenWith(t: Test, answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
