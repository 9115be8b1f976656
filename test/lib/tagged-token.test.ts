import t from 'tap'
import { taggedTokens } from '../../src/lib/tagged-token.js'

const key = { id: 7, tagKey: Buffer.alloc(32, 1) }
const namesake = { id: 7, tagKey: Buffer.alloc(32, 2) }
const body = Buffer.from('body')
const format = taggedTokens({ prefix: 'x_', version: 1, hasKeyId: true, bodyBytes: 4 })

t.test('a token consists of its prefix, version, key id, body and a tag of 16 bytes', async t => {
  const text = format.write(body, key)
  const bytes = Buffer.from(text.slice(2), 'base64url')
  t.ok(text.startsWith('x_'))
  t.same([...bytes.subarray(0, 6)], [1, 7, ...body])
  t.equal(bytes.length, 22)
  const withoutId = taggedTokens({ version: 1, hasKeyId: false, bodyBytes: 4 }).write(body, key)
  t.same([...Buffer.from(withoutId, 'base64url').subarray(0, 5)], [1, ...body])
})

t.test('of keys with the same id, the one that made the tag is found', async t => {
  const token = format.parse(format.write(body, key))!
  t.strictSame(token.body, body)
  t.equal(format.verify(token, [namesake, key]), key)
  t.equal(format.verify(token, [namesake, { ...key, id: 8 }]), undefined)
})

t.test('the tag covers the associated bytes, which the token does not contain', async t => {
  const token = format.parse(format.write(body, key, Buffer.from('ada')))!
  t.notOk(token.head.includes('ada'))
  t.equal(format.verify(token, [key], Buffer.from('ada')), key)
  for (const other of [undefined, Buffer.from('bob'), Buffer.alloc(0)])
    t.equal(format.verify(token, [key], other), undefined)
})

t.test('a text with another prefix, length, version or spelling is not parsed', async t => {
  const text = format.write(body, key)
  const others = [
    text.slice(2),
    text.replace('x_', 'y_'),
    `${text}A`,
    `${text}=`,
    text.slice(0, -1),
    '',
    taggedTokens({ prefix: 'x_', version: 2, hasKeyId: true, bodyBytes: 4 }).write(body, key),
    taggedTokens({ prefix: 'x_', version: 1, hasKeyId: true, bodyBytes: 5 }).write(Buffer.alloc(5), key),
  ]
  for (const other of others) t.equal(format.parse(other), undefined, other)
})

t.test('a body of another length and a key without its id are refused', async t => {
  t.throws(() => format.write(Buffer.alloc(5), key), RangeError)
  t.throws(() => format.write(body, { tagKey: key.tagKey }), RangeError)
})
