import { readAccessTokenHeader } from '@latchkey/verifier/core'
import fc from 'fast-check'
import t from 'tap'

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const good = { alg: 'ES256', typ: 'at+jwt', kid: 'key-1' }
const token = (header: unknown, payload = 'e30', signature = 'AAAA') => `${encode(header)}.${payload}.${signature}`

t.test('the header of a well-formed access token gives its alg and kid', async t => {
  t.strictSame(readAccessTokenHeader(token(good)), { alg: 'ES256', kid: 'key-1' })
  t.strictSame(readAccessTokenHeader(token({ kid: 'key-1', typ: 'at+jwt', alg: 'none' })), {
    alg: 'none',
    kid: 'key-1',
  })
})

t.test('an access token header has exactly three members, each a string', async t => {
  for (const name of Object.keys(good)) {
    for (const value of [undefined, null, 1, true, '', [], {}]) {
      if (name === 'alg' && value === '') continue
      t.equal(readAccessTokenHeader(token({ ...good, [name]: value })), undefined, `${name} ${JSON.stringify(value)}`)
    }
  }
  for (const name of ['jku', 'x5u', 'jwk', 'x5c', 'x5t', 'crit', 'b64', 'cty', 'zip', 'enc', '__proto__', 'ALG'])
    t.equal(readAccessTokenHeader(token(JSON.stringify(good).replace('}', `,"${name}":"a"}`))), undefined, name)
})

t.test('an access token header is a JSON object', async t => {
  for (const header of [
    'null',
    '[]',
    '"ES256"',
    '1',
    'true',
    '',
    '{',
    `[${JSON.stringify(good)}]`,
    `${JSON.stringify(good)}x`,
  ])
    t.equal(readAccessTokenHeader(token(header)), undefined, header)
})

t.test('an access token has three parts of canonical base64url', async t => {
  const text = token(good)
  for (const bad of [
    '',
    '..',
    'a.b',
    text.slice(0, -5),
    `${text}.`,
    `${text}.AAAA`,
    `${text}=`,
    `${text}\n`,
    ` ${text}`,
    token(good, ''),
    token(good, 'e30', ''),
    token(good, 'e30', 'A+/A'),
    token(good, 'e30', 'AB'),
    token(good, 'e30', 'AAB'),
    token(good, 'e30', 'AAAAA'),
    token(good, 'e3 0'),
  ])
    t.equal(readAccessTokenHeader(bad), undefined, JSON.stringify(bad.slice(-12)))
})

t.test('an access token of up to 4096 characters is read, a longer one is not', async t => {
  // A payload of a multiple of four characters is always canonical.
  const rest = token(good, '', 'AAAA').length
  const payload = 'A'.repeat((4096 - rest) & ~3)
  const signature = `AAAA${'AAAA'.repeat(2)}`
  t.ok(readAccessTokenHeader(token(good, payload)))
  t.equal(readAccessTokenHeader(token(good, payload, signature)), undefined)
})

t.test('an access token header is read as it was written, and no random text is read as one', async t => {
  const part = fc.uint8Array({ minLength: 1, maxLength: 80 }).map(bytes => Buffer.from(bytes).toString('base64url'))
  fc.assert(
    fc.property(part, part, fc.string({ minLength: 1 }), (payload, signature, kid) => {
      t.strictSame(readAccessTokenHeader(token({ ...good, kid }, payload, signature)), { alg: 'ES256', kid })
    }),
    { numRuns: 200 },
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      t.equal(readAccessTokenHeader(text), undefined)
      t.equal(readAccessTokenHeader(`${encode(good)}.${text}`), undefined)
    }),
    { numRuns: 200 },
  )
})
