import t from 'tap'
import { createFailurePadding } from '../../../src/auth/passwords/failure-padding.js'

const OWN = '$argon2id$'

/** How long a failure that was begun now is held back. */
async function heldMs(padding: ReturnType<typeof createFailurePadding>): Promise<number> {
  const startedAtMs = performance.now()
  await padding.settle(startedAtMs)
  return performance.now() - startedAtMs
}

// A timer may fire a little early by the other clock.
const EARLY_MS = 5

t.test('where every hash is of our own kind nothing is measured, and nothing waits', async t => {
  const measured: string[] = []
  const padding = createFailurePadding({
    ownKind: OWN,
    otherKinds: async () => [],
    measure: async kind => measured.push(kind),
  })
  padding.observe(OWN, 60_000)
  t.ok((await heldMs(padding)) < 30_000)
  t.same(measured, [])
})

t.test('a failure lasts as long as the slowest kind in the database', async t => {
  const measured: string[] = []
  const padding = createFailurePadding({
    ownKind: OWN,
    otherKinds: async () => ['quick', 'slow', 'not to be verified'],
    measure: async kind => {
      measured.push(kind)
      return { [OWN]: 30, quick: 2, slow: 250 }[kind]
    },
  })
  t.ok((await heldMs(padding)) >= 250 - EARLY_MS, 'the first one too')
  t.ok((await heldMs(padding)) >= 250 - EARLY_MS)
  t.same(measured, [OWN, 'quick', 'slow', 'not to be verified'], 'each was measured once')
  padding.observe('slow', 400)
  t.ok((await heldMs(padding)) >= 400 - EARLY_MS, 'what took longer counts from then on')
})

t.test('our own kind may be the slowest', async t => {
  const measure = async (kind: string) => (kind === OWN ? 250 : 2)
  const padding = createFailurePadding({ ownKind: OWN, otherKinds: async () => ['quick'], measure })
  t.ok((await heldMs(padding)) >= 250 - EARLY_MS)
})

t.test('a kind that came since the database was read counts from its first verification', async t => {
  const padding = createFailurePadding({ ownKind: OWN, otherKinds: async () => [], measure: async () => 0 })
  await heldMs(padding)
  padding.observe('slow', 250)
  t.ok((await heldMs(padding)) >= 250 - EARLY_MS)
})

t.test('one long pause does not hold back all that follow', async t => {
  const padding = createFailurePadding({ ownKind: OWN, otherKinds: async () => ['slow'], measure: async () => 50 })
  await heldMs(padding)
  padding.observe('slow', 3_600_000)
  t.ok((await heldMs(padding)) < 60_000)
})

t.test('what has taken its time already does not wait', async t => {
  const padding = createFailurePadding({ ownKind: OWN, otherKinds: async () => ['slow'], measure: async () => 60_000 })
  const startedAtMs = performance.now()
  await padding.settle(startedAtMs - 200_000)
  t.ok(performance.now() - startedAtMs < 30_000)
})

t.test('failures at once learn once, and all of them wait for it', async t => {
  let reads = 0
  const padding = createFailurePadding({
    ownKind: OWN,
    otherKinds: async () => {
      reads++
      return ['slow']
    },
    measure: async () => 200,
  })
  const held = await Promise.all([heldMs(padding), heldMs(padding), heldMs(padding)])
  t.equal(reads, 1)
  for (const ms of held) t.ok(ms >= 200 - EARLY_MS)
})

t.test('when the kinds can not be read it says so, fails as it would, and reads again', async t => {
  const errors: string[] = []
  let broken = true
  const padding = createFailurePadding({
    ownKind: OWN,
    otherKinds: async () => {
      if (broken) throw new Error('no database')
      return ['slow']
    },
    measure: async () => 200,
    onError: error => errors.push(error.message),
  })
  await heldMs(padding)
  t.same(errors, ['no database'])
  broken = false
  t.ok((await heldMs(padding)) >= 200 - EARLY_MS)
})
