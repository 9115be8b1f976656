import { once } from 'node:events'
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'
import t, { type Test } from 'tap'
import { revokeSigningKey } from '../../src/domain/keys/rotate-signing-key.js'
import { forgerOf } from '../attacks/forger.js'
import { ask, checkVerification } from '../examples/ask-service.js'
import { type ExampleProcess, startExampleProcess } from '../examples/example-process.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { until } from '../support/eventually.js'
import { findPython } from '../support/find-python.js'
import { findFreePort } from '../support/free-port.js'
import { type Person, post, signUp } from '../support/people.js'
import { listen } from '../support/raw-request.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { skipWithout } from '../support/skip-without.js'

const root = resolve(import.meta.dirname, '../..')
const folder = resolve(root, 'examples/verifying')
const python = await findPython('jwt, authlib, cryptography')
const skip = skipWithout(
  python !== undefined,
  'no Python has PyJWT, Authlib and cryptography: install Debian’s python3-jwt, python3-authlib and python3-cryptography',
)

const WAYS = ['jose', 'jsonwebtoken', 'passport-jwt', 'express-oauth2-jwt-bearer', 'with_pyjwt', 'with_authlib']

/** Starts the example that verifies tokens in one of the ways. */
function startWay(t: Test, way: string, env: NodeJS.ProcessEnv, inFolder = folder): Promise<ExampleProcess> {
  return way.startsWith('with_')
    ? startExampleProcess(t, python!, [resolve(inFolder, 'serve.py'), way], env)
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

for (const way of WAYS) {
  const options = { skip: way.startsWith('with_') && skip }

  t.test(
    `${way}: a user’s access token is accepted, and a token that is wrong in one way is refused`,
    options,
    async t => {
      const test = await open(t)
      await checkVerification(t, test, await startWay(t, way, test.env), test.user)
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

t.test('a library that knows only the issuer finds the keys at either address of the metadata', async t => {
  const port = await findFreePort()
  const issuer = `http://127.0.0.1:${port}`
  const { app } = await buildTestApp(t, { PUBLIC_ORIGIN: issuer })
  await app.listen({ host: '127.0.0.1', port })
  const user = await signUp(app)
  for (const path of ['', '/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
    const url = await listenWith(
      t,
      express()
        .use(auth({ issuerBaseURL: issuer + path, audience: issuer, tokenSigningAlg: 'ES256', strict: true }))
        .get('/me', ({ auth }, response) => void response.json({ user: auth?.payload.sub })),
    )
    const answer = await ask({ url }, `Bearer ${user.accessToken}`)
    t.match(answer, { status: 200, body: { user: user.userId } }, `the issuer and ${JSON.stringify(path)}`)
  }
})

async function listenWith(t: Test, answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
