import { createHash } from 'node:crypto'
import t from 'tap'
import { beganAt, newId, newSessionId, uuidFromBytes, uuidToBytes } from '../../src/lib/ids.js'

const V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const userId = '0190a6d0-7c3f-7b1e-9d53-3f1f7a0b2c4d'

/** The three digits of a session id that are a hash of its user's id. */
const hashOf = (sessionId: string) => sessionId.slice(15, 18)

t.test('ids have the version and the variant of a UUIDv7', async t => {
  for (let turn = 0; turn < 1_000; turn++) {
    if (!V7.test(newSessionId(userId)) || !V7.test(newId())) t.fail('not a UUIDv7')
  }
  t.match(newSessionId(userId), V7)
  t.match(newId(), V7)
})

t.test('every id begins with the millisecond it was made in', async t => {
  for (const make of [newId, () => newSessionId(userId)]) {
    const before = Date.now()
    const id = make()
    // Within one process the counter may borrow from the next millisecond (RFC 9562, 6.2).
    t.ok(beganAt(id) >= before && beganAt(id) <= Date.now() + 1)
  }
})

t.test('100,000 session ids of one user differ, sort by time, and share their 12 shard bits', async t => {
  const ids = Array.from({ length: 100_000 }, () => newSessionId(userId))
  t.equal(new Set(ids).size, ids.length)
  t.equal(new Set(ids.map(hashOf)).size, 1)
  t.ok(new Set(ids.map(beganAt)).size > 1, 'the ids span more than one millisecond')
  t.notOk(
    ids.some((id, index) => index > 0 && id.slice(0, 13) < ids[index - 1]!.slice(0, 13)),
    'no id has an earlier millisecond than the one before',
  )
})

t.test('100,000 plain ids differ and ascend', async t => {
  const ids = Array.from({ length: 100_000 }, newId)
  t.equal(new Set(ids).size, ids.length)
  t.notOk(
    ids.some((id, index) => index > 0 && id < ids[index - 1]!),
    'no id is below the one before',
  )
})

t.test('the 12 shard bits of a session id are the first bits of the SHA-256 of the user id’s 16 bytes', async t => {
  const digest = createHash('sha256')
    .update(Buffer.from(userId.replaceAll('-', ''), 'hex'))
    .digest('hex')
  t.equal(hashOf(newSessionId(userId)), digest.slice(0, 3))
  t.equal(hashOf(newSessionId(userId.toUpperCase())), digest.slice(0, 3))
})

t.test('a session id cannot be made for a user id that is not a UUID', async t => {
  t.throws(() => newSessionId('alice'), TypeError)
})

t.test('a UUID converted to bytes and back is the same UUID in lower case', async t => {
  const bytes = uuidToBytes(userId)
  t.equal(bytes.toString('hex'), userId.replaceAll('-', ''))
  t.equal(uuidFromBytes(bytes), userId)
  t.equal(uuidFromBytes(uuidToBytes(userId.toUpperCase())), userId)
})

t.test('text and bytes that are not a UUID cannot be converted', async t => {
  for (const text of ['', userId.slice(1), `${userId}0`, `{${userId}}`, userId.replaceAll('-', ''), `${userId}\n`]) {
    t.throws(() => uuidToBytes(text), TypeError, JSON.stringify(text))
  }
  t.throws(() => uuidFromBytes(Buffer.alloc(15)), TypeError)
  t.throws(() => uuidFromBytes(Buffer.concat([uuidToBytes(userId), Buffer.alloc(1)])), TypeError)
  t.throws(() => uuidFromBytes(Buffer.alloc(16, 0xee)), TypeError, 'an invalid version')
})
