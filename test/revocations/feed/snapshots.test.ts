import type { Buffer } from 'node:buffer'
import { decodeRevocations, type Revocation, RevocationList } from '@latchkey/verifier/core'
import t from 'tap'
import { Snapshots } from '../../../src/revocations/feed/snapshots.js'

const expiresAt = 1_900_000_000_000
const session = (n: number): Revocation => ({ kind: 'session', subject: `s${n}`, reason: 'logout', expiresAt })

function listOf(count: number): RevocationList {
  const list = new RevocationList()
  for (let n = 0; n < count; n++) list.add(session(n))
  return list
}

function countingSnapshots(count: number) {
  const list = listOf(count)
  let read = 0
  const entries = () => ({
    *[Symbol.iterator]() {
      for (const entry of list.entries()) {
        read++
        yield entry
      }
    },
  })
  const snapshots = new Snapshots({ entries }, () => read)
  return { list, snapshots, read: () => read }
}

const subjectsOf = (bytes: Buffer) =>
  decodeRevocations(/^data: (.*)$/m.exec(bytes.toString())![1]!).revocations.map(entry =>
    'subject' in entry ? entry.subject : entry.kind,
  )

function rest(reader: { next(): Buffer | undefined }): string[] {
  const all: string[] = []
  for (let bytes = reader.next(); bytes; bytes = reader.next()) all.push(...subjectsOf(bytes))
  return all
}

t.test('followers that come together share one pass through the list', async t => {
  const { snapshots, read } = countingSnapshots(3000)
  const [one, two] = [snapshots.join(0), snapshots.join(900)]
  t.equal(rest(one).length, 3000)
  t.equal(read(), 3000)
  t.equal(new Set(rest(two)).size, 3000)
  t.equal(read(), 3000, 'nothing was read or encoded again')
  t.equal(rest(snapshots.join(1100)).length, 3000)
  t.equal(read(), 6000, 'a follower that comes later begins another pass')
})

t.test('a snapshot is read only as fast as its follower reads', async t => {
  const { snapshots, read } = countingSnapshots(100_000)
  const reader = snapshots.join(0)
  t.equal(read(), 0)
  reader.next()
  t.ok(read() <= 501)
})

t.test('a list that changes during a snapshot loses none of the entries that were there', async t => {
  const list = listOf(5000)
  const snapshots = new Snapshots(list, () => undefined)
  const reader = snapshots.join(0)
  const found = subjectsOf(reader.next()!)
  for (let n = 0; n < 5000; n++) list.add({ ...session(10_000 + n), ...(n % 7 === 0 && { expiresAt: 1 }) })
  for (let n = 0; n < 100; n++) list.add({ kind: 'user', subject: `u${n}`, belowVersion: 3, reason: 'x', expiresAt })
  list.sweep(2)
  for (let n = 0; n < 5000; n++) list.add({ ...session(n), expiresAt: expiresAt + 1000 })
  found.push(...rest(reader))
  const missing = Array.from({ length: 5000 }, (_, n) => `s${n}`).filter(subject => !found.includes(subject))
  t.strictSame(missing, [])
})

t.test('a follower far behind the others of its snapshot begins again by itself, and gets everything', async t => {
  const { snapshots, read } = countingSnapshots(400_000)
  const [fast, slow] = [snapshots.join(0), snapshots.join(0)]
  slow.next()
  const begun = slow.end
  for (let part = 0; part < 200; part++) fast.next()
  snapshots.tidy(500)
  t.equal(slow.end, begun, 'not yet')
  for (let part = 0; part < 200; part++) fast.next()
  snapshots.tidy(1000)
  t.not(slow.end, begun, 'from here it continues after another instant')
  t.equal(new Set(rest(slow)).size, 400_000)
  t.equal(new Set(rest(fast)).size, 400_000 - 400 * 499)
  t.ok(read() >= 800_000)
})
