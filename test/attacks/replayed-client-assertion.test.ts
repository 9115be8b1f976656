import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { authenticateByAssertion } from '../../src/domain/clients/authenticate-by-assertion.js'
import { makeSecretlessClient, ownAssertion, requestToken } from '../support/assertions.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { ACCOUNT, makeKey, startCluster } from '../support/cluster-issuer.js'

async function withClient(t: Test, overrides: NodeJS.ProcessEnv = {}) {
  const test = await buildTestApp(t, overrides)
  const key = await makeKey('own', 'ES256')
  const id = await makeSecretlessClient(test.app, { jwks: key.jwk })
  const make = (claims: Record<string, unknown> = {}) => ownAssertion(key, id, test.config.issuer, { claims })
  return { ...test, id, make }
}

const LEEWAY_SECONDS = 30

/** Moves the clock to a moment, in seconds since the epoch. */
const moveTo = ({ clock }: TestApp, seconds: number) => clock.advance(seconds - clock.now() / 1000)

t.test('an assertion whose expiry has a fraction is not accepted again in the second in which it expires', async t => {
  const test = await withClient(t)
  const { app, id, make } = test
  // Each in a second of its own: the fraction of the present moment decides what a wrong check would accept.
  for (const fraction of [0.05, 0.5, 0.95]) {
    const exp = Math.floor(test.clock.now() / 1000) + fraction
    const assertion = await make({ exp, iat: undefined })
    t.equal((await requestToken(app, id, assertion)).statusCode, 200)
    await moveTo(test, exp + LEEWAY_SECONDS + 0.01)
    t.equal((await requestToken(app, id, assertion)).statusCode, 401, `${fraction}`)
  }
})

t.test('an assertion that expires while its keys are read is not accepted again', async t => {
  const cluster = await startCluster(t)
  const test = await buildTestApp(t)
  const { app: second } = await test.another()
  const pod = { issuer: cluster.issuer, subject: ACCOUNT, audiences: ['latchkey'], oneTime: true }
  const id = await makeSecretlessClient(test.app, pod)
  const exp = Math.floor(Date.now() / 1000) - 25
  const assertion = await cluster.token({ claims: { exp, iat: exp - 60, nbf: exp - 60 } })
  t.equal((await requestToken(test.app, id, assertion)).statusCode, 200)
  const jwks = JSON.stringify({ keys: cluster.keys.map(({ jwk }) => jwk) })
  cluster.answer = async ({ url }, response) => {
    if (url!.startsWith('/.well-known'))
      return void response.end(JSON.stringify({ issuer: cluster.issuer, jwks_uri: `${cluster.issuer}/k` }))
    await moveTo(test, exp + LEEWAY_SECONDS + 0.5)
    response.end(jwks)
  }
  const refused = await authenticateByAssertion(second.context, { clientId: id, assertion }).catch(error => error)
  t.match(refused, { code: 'invalid_client', reason: 'expired' })
})

t.test('a new assertion can have the jti of one that has expired', async t => {
  const test = await withClient(t)
  const jti = randomUUID()
  const send = async (claims: Record<string, unknown>) =>
    (await requestToken(test.app, test.id, await test.make(claims))).statusCode
  const now = Math.floor(Date.now() / 1000)
  t.equal(await send({ jti, exp: now + 10 }), 200)
  t.equal(await send({ jti, exp: now + 200 }), 401)
  await moveTo(test, now + 10 + LEEWAY_SECONDS + 0.01)
  t.equal(await send({ jti, exp: now + 200 }), 200)
})

t.test('a request that the rate limit refuses does not use up its assertion', async t => {
  const { app, id, make, another } = await withClient(t, { RATE_LIMIT: 'on', RATE_LIMIT_PER_ADDRESS: '1' })
  const { app: second } = await another({ RATE_LIMIT: 'off' })
  for (let sent = 0; sent < 20; sent++) t.equal((await requestToken(app, id, await make())).statusCode, 200)
  const assertion = await make()
  t.equal((await requestToken(app, id, assertion)).statusCode, 429)
  t.equal((await requestToken(second, id, assertion)).statusCode, 200)
  t.equal((await requestToken(second, id, assertion)).statusCode, 401)
})
