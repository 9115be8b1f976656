import { createHash, createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { readRefreshToken, writeRefreshToken } from '../../src/domain/tokens/refresh-token.js'
import { newId } from '../../src/lib/ids.js'
import { buildTestApp } from '../support/build-test-app.js'
import { get, refresh, refreshed, signUp } from '../support/people.js'

const PREFIX = 'lk_rt_'

async function start(t: Parameters<typeof buildTestApp>[0]) {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const raw = () => Buffer.from(ada.refreshToken.slice(PREFIX.length), 'base64url')
  const outcome = async (token: string) => (await refresh(test.app, token)).json().code
  /** Runs the attack, and asserts that it sent no statement and left the session valid. */
  const unharmed = async (attack: () => Promise<void>) => {
    const before = test.stores.db.statementsSent
    await attack()
    t.equal(test.stores.db.statementsSent, before, 'no statement was sent')
    t.ok(await refreshed(test.app, ada.refreshToken), 'the session is still valid')
  }
  return { ...test, ada, raw, outcome, unharmed }
}

t.test('a refresh token with any bit changed is invalid', async t => {
  const { raw, outcome, unharmed } = await start(t)
  await unharmed(async () => {
    for (let bit = 0; bit < raw().length * 8; bit++) {
      const changed = raw()
      changed[bit >> 3]! ^= 1 << (bit & 7)
      const code = await outcome(PREFIX + changed.toString('base64url'))
      if (code !== 'refresh_token_invalid') t.fail(`bit ${bit} of byte ${bit >> 3} does not count: ${code}`)
    }
  })
})

t.test('fuzzing finds no second spelling of a refresh token', async t => {
  const { ada, outcome, unharmed } = await start(t)
  const text = ada.refreshToken
  const character = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 })
  const mangled = fc.oneof(
    fc.tuple(fc.nat(text.length - 1), character).map(([at, by]) => text.slice(0, at) + by + text.slice(at + 1)),
    fc.tuple(fc.nat(text.length), character).map(([at, by]) => text.slice(0, at) + by + text.slice(at)),
    fc.nat(text.length - 1).map(length => text.slice(0, length)),
    fc.nat(text.length - 1).map(from => text.slice(from)),
    fc.base64String({ minLength: 94, maxLength: 96 }).map(random => PREFIX + random),
    fc.constantFrom(
      `${text}=`,
      `${text}==`,
      ` ${text}`,
      `${text} `,
      `${text}\n`,
      `${text}\0`,
      text.toUpperCase(),
      text + text,
    ),
  )
  await unharmed(() =>
    fc.assert(
      fc.asyncProperty(mangled, async token => {
        // The schema refuses an empty token with another code.
        if (token === text || token === '') return
        t.equal(await outcome(token), 'refresh_token_invalid')
      }),
      { numRuns: 300 },
    ),
  )
})

t.test('no field of a refresh token can be changed', async t => {
  const { app, raw, outcome, unharmed } = await start(t)
  const victim = await signUp(app)
  const victimId = Buffer.from(victim.refreshToken.slice(PREFIX.length), 'base64url').subarray(2, 18)
  const fields: Record<string, (token: Buffer) => void> = {
    version: token => token.writeUInt8(2, 0),
    'version 0': token => token.writeUInt8(0, 0),
    'key id': token => token.writeUInt8(token[1]! ^ 0xff, 1),
    'another user’s session': token => void victimId.copy(token, 2),
    'no session': token => void token.fill(0, 2, 18),
    'the next generation': token => token.writeUInt32BE(1, 18),
    'the last generation': token => token.writeUInt32BE(0xffff_ffff, 18),
    secret: token => void randomBytes(32).copy(token, 22),
    'a secret of zeros': token => void token.fill(0, 22, 54),
    'a tag of zeros': token => void token.fill(0, 54),
  }
  await unharmed(async () => {
    for (const [name, change] of Object.entries(fields)) {
      const token = raw()
      change(token)
      t.equal(await outcome(PREFIX + token.toString('base64url')), 'refresh_token_invalid', name)
    }
    for (const prefix of ['', 'lk_at_', 'lk_rt', 'LK_RT_', 'rt_', 'Bearer lk_rt_'])
      t.equal(await outcome((prefix || ' ') + raw().toString('base64url')), 'refresh_token_invalid', prefix)
    for (const encoding of ['hex', 'base64'] as const)
      t.equal(await outcome(PREFIX + raw().toString(encoding)), 'refresh_token_invalid', encoding)
  })
})

t.test('a refresh token with a tag of any other key is refused, including keys that an attacker can guess', async t => {
  const { raw, outcome, unharmed } = await start(t)
  await unharmed(async () => {
    const head = raw().subarray(0, 54)
    for (const guess of ['', 'secret', 'latchkey refresh tag 1', head, Buffer.alloc(32)]) {
      const tag = createHmac('sha256', guess).update(head).digest().subarray(0, 16)
      t.equal(await outcome(PREFIX + Buffer.concat([head, tag]).toString('base64url')), 'refresh_token_invalid')
    }
    const plain = createHash('sha256').update(head).digest().subarray(0, 16)
    t.equal(await outcome(PREFIX + Buffer.concat([head, plain]).toString('base64url')), 'refresh_token_invalid')
  })
})

t.test('a refresh token with a valid tag but an unknown session, secret or generation is refused', async t => {
  const { app, ada, outcome, stores } = await start(t)
  const read = readRefreshToken(ada.refreshToken, app.context.secrets.refreshKeys)!
  t.equal(await outcome(writeRefreshToken({ ...read, sessionId: newId() })), 'session_revoked')
  t.equal(await outcome(writeRefreshToken({ ...read, secret: randomBytes(32) })), 'refresh_token_unknown')
  t.equal(await outcome(writeRefreshToken({ ...read, generation: 0xffff_fff0 })), 'refresh_token_invalid')
  t.ok(await stores.db.refreshTokens.find(ada.sessionId), 'the session is still valid')
})

t.test('an access token is no valid refresh token, and a refresh token no valid access token', async t => {
  const { app, ada, outcome, unharmed } = await start(t)
  await unharmed(async () => {
    t.equal(await outcome(ada.accessToken), 'refresh_token_invalid')
    t.equal((await get(app, '/auth/profile', ada.refreshToken)).json().code, 'token_invalid')
    const inBody = await app.inject({ method: 'POST', url: '/auth/verify', payload: { token: ada.refreshToken } })
    t.equal(inBody.json().code, 'token_invalid')
    const logout = { method: 'POST', url: '/auth/logout' } as const
    const bearer = { authorization: `Bearer ${ada.refreshToken}` }
    t.equal((await app.inject({ ...logout, headers: bearer })).json().code, 'token_invalid')
    const payload = { refresh_token: ada.accessToken }
    t.equal((await app.inject({ ...logout, payload })).json().code, 'refresh_token_invalid')
    t.equal(
      (await app.inject({ method: 'POST', url: '/auth/refresh', headers: bearer })).json().code,
      'refresh_token_missing',
    )
    const cookies = { '__Host-latchkey': ada.accessToken }
    t.equal((await app.inject({ method: 'POST', url: '/auth/refresh', cookies })).json().code, 'refresh_token_invalid')
  })
})

t.test('only POST refreshes, and a refresh token in two places is refused', async t => {
  const { app, ada, unharmed } = await start(t)
  await unharmed(async () => {
    const cookies = { '__Host-latchkey': ada.refreshToken }
    for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'] as const) {
      const response = await app.inject({ method, url: '/auth/refresh', cookies })
      t.match(response, { statusCode: 405, headers: { allow: 'POST' } }, method)
      t.notOk(response.headers['set-cookie'])
    }
    const query = await app.inject({ method: 'POST', url: `/auth/refresh?refresh_token=${ada.refreshToken}` })
    t.equal(query.json().code, 'refresh_token_missing')
    const both = { method: 'POST', cookies, payload: { refresh_token: ada.refreshToken } } as const
    for (const url of ['/auth/refresh', '/auth/logout'])
      t.match((await app.inject({ ...both, url })).json(), { status: 400, code: 'ambiguous_credentials' }, url)
  })
})
