import { createHash } from 'node:crypto'
import t from 'tap'
import { deriveSecrets } from '../../src/domain/keys/secrets.js'
import { successorOf, writeRefreshToken } from '../../src/domain/tokens/refresh-token.js'
import { newId } from '../../src/lib/ids.js'
import { buildTestApp, TEST_SECRETS, type TestApp } from '../support/build-test-app.js'
import { PASSWORD, type Person, post, refresh, refreshed, signUp } from '../support/people.js'

interface Dump {
  /** Every value of every table, as text. */
  text: string
  /** Every value of 32 bytes. */
  keys: Buffer[]
}

/** What a thief of the database, or of its backup, would have. */
async function dump({ database }: TestApp): Promise<Dump> {
  const tables = await database.admin`select table_name from information_schema.tables where table_schema = 'public'`
  const values: unknown[] = []
  for (const { table_name } of tables)
    for (const row of await database.admin`select * from ${database.admin(table_name)}`)
      values.push(...Object.values(row))
  const buffers = values.filter(value => Buffer.isBuffer(value))
  const spellings = buffers.flatMap(value => [
    value.toString('hex'),
    value.toString('base64url'),
    value.toString('latin1'),
  ])
  const texts = values.filter(value => !Buffer.isBuffer(value)).map(value => JSON.stringify(value) ?? '')
  return { text: [...texts, ...spellings].join('\n'), keys: buffers.filter(({ length }) => length === 32) }
}

/** A user whose refresh token was rotated twice, so that every column of the whitelist is in use. */
async function someHistory(test: TestApp): Promise<{ ada: Person; tokens: string[] }> {
  const ada = await signUp(test.app)
  const tokens = [ada.refreshToken]
  for (let rotation = 0; rotation < 2; rotation++) {
    await test.clock.advance(31)
    tokens.push(await refreshed(test.app, tokens.at(-1)!))
  }
  return { ada, tokens }
}

t.test('the database contains no part of a token, a password or a secret', async t => {
  const test = await buildTestApp(t)
  const { ada, tokens } = await someHistory(test)
  await post(test.app, '/auth/login', { email: ada.email, password: 'a wrong password, and a telling one' })
  await post(test.app, '/auth/refresh', { refresh_token: `${tokens[0]!.slice(0, -4)}AAAA` })
  const { text, keys } = await dump(test)
  t.ok(text.includes(ada.email) && text.includes(ada.sessionId), 'the dump contains the account and its session')
  t.equal(keys.length, 3, 'the hashes of the whitelist row')

  for (const token of tokens) {
    const raw = Buffer.from(token.slice('lk_rt_'.length), 'base64url')
    const secret = raw.subarray(22, 54)
    const tag = raw.subarray(54)
    for (const [name, bytes] of Object.entries({ secret, tag })) {
      for (const encoding of ['hex', 'base64url', 'latin1'] as const)
        t.notOk(text.includes(bytes.toString(encoding).slice(0, 16)), `${name} in ${encoding}`)
    }
    t.notOk(text.includes(token.slice(-40)))
  }
  const [header, payload, signature] = ada.accessToken.split('.')
  for (const part of [header!, payload!, signature!]) t.notOk(text.includes(part.slice(0, 40)))
  for (const secret of [PASSWORD, 'a telling one', ...Object.values(TEST_SECRETS)]) t.notOk(text.includes(secret))
  t.notMatch(text, /PRIVATE KEY|"d":/, 'the signing key is encrypted')
})

t.test('no value in the database can be used as the secret of a refresh token', async t => {
  const test = await buildTestApp(t)
  const { ada, tokens } = await someHistory(test)
  const { keys } = await dump(test)
  const generations = [0, 1, 2, 3]
  // Without JWT_REFRESH_SECRET the thief has to guess the key of the tag …
  const guessed = deriveSecrets({ jwtSecrets: ['x'.repeat(32)], refreshSecrets: ['x'.repeat(32)] }).refreshKeys[0]
  // … and even with the right key the whitelist is of no use: it contains only hashes.
  const [known] = test.app.context.secrets.refreshKeys
  for (const [key, code] of [
    [guessed, 'refresh_token_invalid'],
    [known, 'refresh_token_unknown'],
  ] as const) {
    const secrets = keys.flatMap(value => [
      value,
      createHash('sha256').update(value).digest(),
      successorOf({ sessionId: ada.sessionId, generation: 0, secret: value, key }, key).secret,
    ])
    for (const secret of secrets) {
      // Generation 0 is superseded: with a valid tag it would count as theft, and the thief would only end the session.
      for (const generation of key === known ? generations.slice(1) : generations) {
        const token = writeRefreshToken({ sessionId: ada.sessionId, generation, secret, key })
        t.equal((await refresh(test.app, token)).json().code, code)
      }
    }
  }
  const elsewhere = writeRefreshToken({ sessionId: newId(), generation: 0, secret: keys[0]!, key: known })
  t.equal((await refresh(test.app, elsewhere)).json().code, 'session_revoked')
  t.equal((await refresh(test.app, tokens.at(-1)!)).statusCode, 200, 'the session is still valid')
})

t.test('Redis contains ids of sessions and users, and no tokens', async t => {
  const test = await buildTestApp(t)
  const { ada, tokens } = await someHistory(test)
  await post(test.app, '/auth/logout', {}, { authorization: `Bearer ${ada.accessToken}` })
  await test.app.context.activity.close()
  const blob = JSON.stringify(await redisContents(test))
  t.ok(blob.includes(ada.sessionId), 'the session is there')
  for (const token of tokens) t.notOk(blob.includes(token.slice(30, 70)))
  t.notOk(blob.includes(ada.accessToken.split('.')[2]!))
  t.notOk(blob.includes(ada.email))
})

async function redisContents({ config }: TestApp): Promise<[string, unknown][]> {
  const { Redis } = await import('ioredis')
  const redis = new Redis(config.redis.url!)
  try {
    const keys = await redis.keys(`${config.redis.keyPrefix}:*`)
    const read = async (key: string) =>
      (await redis.type(key)) === 'stream' ? redis.xrange(key, '-', '+') : redis.get(key)
    return await Promise.all(keys.map(async (key): Promise<[string, unknown]> => [key, await read(key)]))
  } finally {
    redis.disconnect()
  }
}
