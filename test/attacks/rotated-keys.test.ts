import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { rotateKeys } from '../../src/cli/keys.js'
import { revokeSigningKey } from '../../src/domain/keys/rotate-signing-key.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { until } from '../support/eventually.js'
import { post, refresh, signUp, verify } from '../support/people.js'
import { encode, forgerOf, payloadOf } from './forger.js'

// A key is rotated while an instance is flooded with tokens of unknown keys, and the previous key is then revoked.

const kidOf = (token: string): string => JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString('utf8')).kid

/** Sends tokens of unknown keys, one after the other, until the test ends. */
function flood(t: Test, { app }: TestApp, genuineToken: string): void {
  const [, payload, signature] = genuineToken.split('.')
  let over = false
  const send = async () => {
    while (!over) {
      const kid = randomBytes(32).toString('base64url')
      await verify(app, `${encode(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid }))}.${payload}.${signature}`)
      await new Promise(setImmediate)
    }
  }
  const sending = send()
  t.teardown(() => {
    over = true
    return sending
  })
}

/** `latchkey keys rotate --immediately`: the new key, and the printed time from which it signs (ms). */
async function rotateImmediately({ app, stores, config }: TestApp) {
  const lines: string[] = []
  const options = {
    algorithm: config.algorithm,
    keyEncryptionKeys: app.context.secrets.keyEncryptionKeys,
    immediately: true,
  }
  await rotateKeys(stores.db, options, line => lines.push(line))
  const [, kid, from] = /signing key (\S{43}), which signs from (\S+Z)\./.exec(lines[0]!)!
  return { kid: kid!, signsFromMs: Date.parse(from!) }
}

t.test('during a flood of unknown kids an instance still accepts a key that was rotated immediately', async t => {
  const a = await buildTestApp(t)
  const b = await a.another()
  const ada = await signUp(a.app)
  flood(t, b, ada.accessToken)
  const { kid } = await rotateImmediately(a)
  // Even an instance that knows the key early signs with it only when the others know it too.
  await a.app.context.keyring.reload()

  let { refreshToken } = ada
  let token = ada.accessToken
  const refused: unknown[] = []
  while (kidOf(token) !== kid) {
    const answer = (await refresh(a.app, refreshToken)).json()
    token = answer.access_token
    refreshToken = answer.refresh_token
    const said = await verify(b.app, token)
    if (said !== 200) refused.push(said)
  }
  t.strictSame(refused, [], 'even the first token of the new key is valid on the other instance')
})

t.test('from the time that `keys rotate --immediately` prints, no instance signs with another key', async t => {
  const a = await buildTestApp(t)
  const b = await a.another()
  const people = [await signUp(a.app), await signUp(b.app)]
  const before = kidOf(people[0]!.accessToken)
  const rotatedAtMs = Date.now()
  const { kid, signsFromMs } = await rotateImmediately(a)
  t.not(kid, before)
  t.ok(signsFromMs - rotatedAtMs >= 3000, 'the time is at least three seconds ahead')

  const wrong: unknown[] = []
  let fresh: string[] = []
  while (Date.now() < signsFromMs + 500) {
    fresh = []
    for (const [at, { app }] of [a, b].entries()) {
      const answer = (await refresh(app, people[at]!.refreshToken)).json()
      people[at]!.refreshToken = answer.refresh_token
      const token: string = answer.access_token
      const { iat } = payloadOf(token) as { iat: number }
      const wanted = iat * 1000 >= signsFromMs ? kid : before
      if (kidOf(token) !== wanted) wrong.push({ instance: at, iat, signsFromMs, kid: kidOf(token) })
      for (const { app } of [a, b]) if ((await verify(app, token)) !== 200) wrong.push(`refused at ${iat}`)
      fresh.push(token)
    }
  }
  t.strictSame(wrong, [])

  await revokeSigningKey(a.app.context, before, 'cli')
  await until(async () => (await verify(b.app, people[0]!.accessToken)) !== 200)
  for (const { app } of [a, b])
    for (const token of fresh) t.equal(await verify(app, token), 200, 'tokens of the new key stay valid')
})

t.test('a token of a revoked signing key is refused as stale everywhere and changes nothing', async t => {
  const test = await buildTestApp(t)
  const { app, stores } = test
  const ada = await signUp(app)
  const forger = await forgerOf(test, ada.accessToken)
  t.equal(await verify(app, ada.accessToken), 200)
  await revokeSigningKey(app.context, forger.kid, 'cli')
  const stolen = forger.token({}, { jti: 'made-by-the-thief' })
  for (const token of [ada.accessToken, stolen, forger.token({ alg: 'RS256' })])
    t.equal(await verify(app, token), 'token_stale')

  for (const scope of ['session', 'others', 'all']) {
    const headers = { authorization: `Bearer ${stolen}` }
    t.match(await post(app, '/auth/logout', { scope }, headers), { statusCode: 401, body: '"token_stale"' })
  }
  const change = { current_password: 'a guess', new_password: 'the passphrase of a thief' }
  t.match(await post(app, '/auth/change-password', change, { authorization: `Bearer ${stolen}` }), {
    statusCode: 401,
    body: '"token_stale"',
  })
  t.match(await post(app, '/api/token/verify/', { token: stolen }), { statusCode: 401, body: 'Token is expired' })
  t.equal((await stores.db.journal.readAll()).entries.filter(({ kind }) => kind !== 'key').length, 0)

  // The service reads the successor in the background.
  await app.context.keyring.reload()
  const next = await refresh(app, ada.refreshToken)
  t.equal(next.statusCode, 200, 'the session is still valid')
  t.equal(await verify(app, next.json().access_token), 200)
  const headers = { authorization: `Bearer ${ada.accessToken}` }
  const out = await post(app, '/auth/logout', { refresh_token: next.json().refresh_token }, headers)
  t.equal(out.statusCode, 204, 'a valid refresh token still signs out')
  t.equal((await refresh(app, next.json().refresh_token)).json().code, 'session_revoked')
})
