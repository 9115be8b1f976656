import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { deriveSecrets, type RefreshKey } from '../../src/domain/keys/secrets.js'
import {
  firstRefreshToken,
  hashOf,
  type RefreshToken,
  readRefreshToken,
  successorOf,
  writeRefreshToken,
} from '../../src/domain/tokens/refresh-token.js'
import { newId, uuidFromBytes } from '../../src/lib/ids.js'

const SECRETS = ['the first refresh secret of this test file', 'the second refresh secret of this test file']

function keysOf(...refreshSecrets: string[]) {
  return deriveSecrets({ jwtSecrets: [SECRETS[0]!], refreshSecrets }).refreshKeys
}

const [key] = keysOf(SECRETS[0]!)
const [otherKey] = keysOf(SECRETS[1]!)

const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map(value => Buffer.from(value))
/** Arbitrary tokens, made with one of two keys. */
const tokens = fc.record<RefreshToken>({
  // The version and variant of a UUID, and sixteen random bytes otherwise.
  sessionId: bytes(16).map(id => {
    id[6] = (id[6]! & 0x0f) | 0x70
    id[8] = (id[8]! & 0x3f) | 0x80
    return uuidFromBytes(id)
  }),
  generation: fc.nat(0x7fff_fffe),
  secret: bytes(32),
  key: fc.constantFrom<RefreshKey>(key, otherKey),
})

t.test('a refresh token is read as it was written, with either key and in any order of the keys', async t => {
  fc.assert(
    fc.property(tokens, fc.boolean(), (token, swapped) => {
      const text = writeRefreshToken(token)
      const read = readRefreshToken(text, swapped ? [otherKey, key] : [key, otherKey])!
      t.same({ ...read, key: read.key.id }, { ...token, key: token.key.id })
      t.equal(writeRefreshToken(read), text)
    }),
    { numRuns: 200 },
  )
})

t.test('a refresh token has 100 characters that no cookie, header or JSON needs to escape', async t => {
  const text = writeRefreshToken(firstRefreshToken(newId(), key))
  t.match(text, /^lk_rt_[A-Za-z0-9_-]{94}$/)
})

t.test('a refresh token has one successor, on every instance and at every attempt', async t => {
  // Another instance derives its own keys, perhaps while the secrets are being rotated.
  const [sameKey] = keysOf(SECRETS[0]!, SECRETS[1]!)
  const [, olderKey] = keysOf(SECRETS[1]!, SECRETS[0]!)
  fc.assert(
    fc.property(tokens, token => {
      const successor = successorOf(token, key)
      t.equal(successor.generation, token.generation + 1)
      t.equal(successor.sessionId, token.sessionId)
      for (const derived of [sameKey, olderKey!])
        t.equal(writeRefreshToken(successorOf(token, derived)), writeRefreshToken(successor))
    }),
    { numRuns: 100 },
  )
})

t.test('a successor depends on the refresh token before it, the session, the generation and the secret', async t => {
  const token = { ...firstRefreshToken(newId(), key), generation: 7 }
  const secretOf = (changed: Partial<RefreshToken>, withKey = key) =>
    successorOf({ ...token, ...changed }, withKey).secret.toString('hex')
  const secrets = [
    secretOf({}),
    secretOf({ secret: randomBytes(32) }),
    secretOf({ sessionId: newId() }),
    secretOf({ generation: 8 }),
    secretOf({}, otherKey),
    successorOf(successorOf(token, key), key).secret.toString('hex'),
    token.secret.toString('hex'),
    hashOf(token).toString('hex'),
  ]
  t.equal(new Set(secrets).size, secrets.length)
})

t.test('the first refresh tokens of sessions are random and never repeat', async t => {
  const sessionId = newId()
  const secrets = Array.from({ length: 1000 }, () => firstRefreshToken(sessionId, key).secret.toString('hex'))
  t.equal(new Set(secrets).size, 1000)
  t.ok(secrets.every(secret => secret.length === 64))
})

t.test('the generation of a refresh token stops before it would overflow', async t => {
  const token = firstRefreshToken(newId(), key)
  const last = successorOf({ ...token, generation: 0x7fff_fffe }, key)
  t.equal(readRefreshToken(writeRefreshToken(last), [key])?.generation, 0x7fff_ffff)
  t.throws(() => successorOf(last, key), RangeError)
  const beyond = writeRefreshToken({ ...token, generation: 0x8000_0000 })
  t.equal(readRefreshToken(beyond, [key]), undefined, 'Postgres cannot store that generation')
})

t.test('a refresh token with any bit changed is not read', async t => {
  fc.assert(
    fc.property(tokens, fc.nat(70 * 8 - 1), (token, bit) => {
      const raw = Buffer.from(writeRefreshToken(token).slice(6), 'base64url')
      raw[bit >> 3]! ^= 1 << (bit & 7)
      t.equal(readRefreshToken(`lk_rt_${raw.toString('base64url')}`, [key, otherKey]), undefined)
    }),
    { numRuns: 500 },
  )
})

t.test('a refresh token is not read in any other spelling', async t => {
  const text = writeRefreshToken(firstRefreshToken(newId(), key))
  // The last of 70 bytes takes two characters, of which four bits are unused.
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  for (const character of alphabet) {
    if (character === text.at(-1)) continue
    t.equal(readRefreshToken(text.slice(0, -1) + character, [key]), undefined)
  }
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), (at, character) => {
      fc.pre(text[at] !== character)
      t.equal(readRefreshToken(text.slice(0, at) + character + text.slice(at + 1), [key]), undefined)
    }),
    { numRuns: 500 },
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(text.length), (inserted, at) => {
      fc.pre(inserted !== '')
      t.equal(readRefreshToken(text.slice(0, at) + inserted + text.slice(at), [key]), undefined)
    }),
    { numRuns: 200 },
  )
  for (let length = 0; length < text.length; length++)
    t.equal(readRefreshToken(text.slice(0, length), [key]), undefined, `the first ${length} characters`)
})

t.test('a refresh token of a removed secret is not read', async t => {
  const token = firstRefreshToken(newId(), key)
  t.equal(readRefreshToken(writeRefreshToken(token), [otherKey]), undefined)
  t.equal(readRefreshToken(writeRefreshToken(token), []), undefined)
  // Key ids are one byte, so two secrets may share one; the tag tells them apart.
  const namesake = { ...otherKey, id: key.id }
  t.equal(readRefreshToken(writeRefreshToken(token), [namesake]), undefined)
  t.ok(readRefreshToken(writeRefreshToken(token), [namesake, key]))
})
