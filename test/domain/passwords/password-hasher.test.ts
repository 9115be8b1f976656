import { setTimeout as delay } from 'node:timers/promises'
import { hash as argon2 } from '@node-rs/argon2'
import t from 'tap'
import { createPasswordHasher } from '../../../src/domain/passwords/password-hasher.js'

const newHasher = () => createPasswordHasher({ concurrency: 1, queue: 4 })

t.test('a new hash is argon2id at the current cost, with its own salt', async t => {
  const hasher = newHasher()
  const [first, second] = await Promise.all([hasher.hash('correct horse'), hasher.hash('correct horse')])
  t.match(first, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/)
  t.not(first, second)
})

t.test('the correct password matches its hash and a wrong one does not', async t => {
  const hasher = newHasher()
  const stored = await hasher.hash('correct horse')
  t.equal(await hasher.verify(stored, 'correct horse'), true)
  t.equal(await hasher.verify(stored, 'correct horsf'), false)
  t.equal(await hasher.verify(stored, 'correct horse '), false)
  t.equal(await hasher.verify(stored, ''), false)
})

t.test('every character of a password counts, also the 256th and one after a NUL', async t => {
  const hasher = newHasher()
  const long = 'x'.repeat(255)
  t.equal(await hasher.verify(await hasher.hash(`${long}a`), `${long}b`), false)
  t.equal(await hasher.verify(await hasher.hash('secret\0one'), 'secret\0two'), false)
})

t.test('passwords with the same NFKC form are one password', async t => {
  const hasher = newHasher()
  const stored = await hasher.hash('Zoe\u0308 \uFF21\uFB01')
  t.equal(await hasher.verify(stored, 'Zo\u00EB Afi'), true)
  t.equal(await hasher.verify(await hasher.hash('Zo\u00EB Afi'), 'Zoe\u0308 \uFF21\uFB01'), true)
})

t.test('verifyDummyHash matches no password', async t => {
  t.equal(await newHasher().verifyDummyHash('correct horse'), false)
})

t.test('a damaged hash matches nothing, and is reported without being quoted', async t => {
  const damage: Error[] = []
  const hasher = createPasswordHasher({ concurrency: 1, queue: 4, onDamagedHash: error => damage.push(error) })
  const good = await hasher.hash('correct horse')
  const damaged = [
    '',
    'correct horse',
    good.slice(0, 40),
    good.slice(0, -2),
    good.replace('t=2', 't=0'),
    good.replace('$argon2id', '$argon2idx'),
  ]
  for (const stored of damaged) t.equal(await hasher.verify(stored, 'correct horse'), false, JSON.stringify(stored))
  t.equal(damage.length, damaged.length)
  for (const error of damage) t.notMatch(error.message, good.slice(-20))
})

t.test('a stored hash that needs too much memory, time or parallelism counts as damaged', async t => {
  const damage: string[] = []
  const hasher = createPasswordHasher({ concurrency: 1, queue: 4, onDamagedHash: error => damage.push(error.message) })
  const good = await hasher.hash('correct horse')
  const costs = ['m=262145,t=2,p=1', 'm=19456,t=17,p=1', 'm=19456,t=2,p=17']
  for (const cost of costs) {
    t.equal(await hasher.verify(good.replace('m=19456,t=2,p=1', cost), 'correct horse'), false)
    t.match(damage.at(-1), cost)
  }
  t.equal(damage.length, costs.length)
})

t.test('an unknown user and a damaged hash take as long as a match', async t => {
  const hasher = newHasher()
  const stored = await hasher.hash('correct horse')
  const kinds = {
    match: () => hasher.verify(stored, 'correct horse'),
    nobody: () => hasher.verifyDummyHash('correct horse'),
    damaged: () => hasher.verify('$argon2id$', 'correct horse'),
    unknownScheme: () => hasher.verify('plain', 'correct horse'),
  }
  const fastestMs: Record<string, number> = {}
  // Interleaved, and the fastest of many: other load on the machine can only add time.
  for (let round = 0; round < 15; round++) {
    for (const [kind, verify] of Object.entries(kinds)) {
      const startedAt = performance.now()
      await verify()
      fastestMs[kind] = Math.min(fastestMs[kind] ?? Number.POSITIVE_INFINITY, performance.now() - startedAt)
    }
  }
  for (const kind of ['nobody', 'damaged', 'unknownScheme']) {
    // Without a hash it would take a thousandth; the wide margin is for a busy machine.
    t.ok(fastestMs[kind]! > fastestMs.match! * 0.3, `${kind} is not quicker`)
    t.ok(fastestMs[kind]! < fastestMs.match! * 4, `${kind} is not slower`)
  }
})

t.test('only an argon2id hash at or above the current cost needs no upgrade', async t => {
  const hasher = newHasher()
  const stored = await hasher.hash('correct horse')
  t.equal(hasher.needsUpgrade(stored), false)
  t.equal(hasher.needsUpgrade(await argon2('x', { memoryCost: 65_536, timeCost: 3, parallelism: 4 })), false)

  t.equal(hasher.needsUpgrade(await argon2('x', { memoryCost: 19_455 })), true)
  t.equal(hasher.needsUpgrade(await argon2('x', { timeCost: 1 })), true)
  t.equal(hasher.needsUpgrade(stored.replace('$argon2id', '$argon2i')), true)
  t.equal(hasher.needsUpgrade(stored.replace('$v=19', '$v=16')), true)
  t.equal(hasher.needsUpgrade(stored.slice(0, 40)), true)
  t.equal(hasher.needsUpgrade('$2b$10$abcdefghijklmnopqrstuv'), true)
  t.equal(hasher.needsUpgrade(''), true)
})

t.test('an older, cheaper argon2id hash still verifies', async t => {
  const stored = await argon2('correct horse', { memoryCost: 4_096, timeCost: 1 })
  t.equal(await newHasher().verify(stored, 'correct horse'), true)
})

t.test('a hasher with all places and its queue full is busy at once', async t => {
  const hasher = createPasswordHasher({ concurrency: 1, queue: 1 })
  const accepted = [hasher.hash('one'), hasher.verifyDummyHash('two')]
  t.equal(hasher.pending, 2)

  const busy = { name: 'LatchkeyError', code: 'busy', status: 503, retryAfterSeconds: 1 }
  await t.rejects(hasher.hash('three'), busy)
  await t.rejects(hasher.verify('', 'three'), busy)
  await t.rejects(hasher.verifyDummyHash('three'), busy)
  t.equal(hasher.pending, 2, 'the refusals came before any hash was done')

  await Promise.all(accepted)
  t.equal(hasher.pending, 0)
  t.type(await hasher.hash('three'), 'string')
})

t.test('a hasher without a queue is never busy for one call after another', async t => {
  const hasher = createPasswordHasher({ concurrency: 1, queue: 0 })
  const stored = await hasher.hash('correct horse')
  for (let turn = 0; turn < 5; turn++) t.equal(await hasher.verify(stored, 'correct horse'), true)
})

t.test('a caller that disconnects does not free its place before its hash is done', async t => {
  const hasher = createPasswordHasher({ concurrency: 1, queue: 0 })
  // Slow enough to be still running when the caller is gone, on a busy machine too.
  const slow = await argon2('correct horse', { memoryCost: 131_072, timeCost: 10 })
  const abandoned = hasher.verify(slow, 'correct horse')
  await Promise.race([abandoned, delay(0)])
  t.equal(hasher.pending, 1)
  await t.rejects(hasher.verifyDummyHash('next'), { code: 'busy' })

  await abandoned
  t.equal(await hasher.verifyDummyHash('next'), false)
})

t.test('a hasher reports how long each kind of hash takes', async t => {
  const seen: [kind: string, tookMs: number][] = []
  const hasher = createPasswordHasher({ concurrency: 1, queue: 4, onVerified: (...verified) => seen.push(verified) })
  await hasher.verify('$2b$04$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2', 'wrong horse')
  await hasher.verifyDummyHash('wrong horse')
  await hasher.verify('damaged', 'wrong horse')
  t.same(
    seen.map(([kind]) => kind),
    ['$2b$04', '$argon2id$v=19$m=19456,t=2,p=1'],
  )
  t.ok(seen.every(([, tookMs]) => tookMs > 0))
})

t.test('a damaged hash frees its place', async t => {
  const hasher = createPasswordHasher({ concurrency: 1, queue: 0 })
  for (let turn = 0; turn < 3; turn++) t.equal(await hasher.verify('$argon2id$', 'correct horse'), false)
  t.equal(hasher.pending, 0)
})
