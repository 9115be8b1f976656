import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { until } from '../support/eventually.js'
import { seededRandom } from '../support/seeded-random.js'
import { verdict } from '../verifier/verifiers.js'
import { type Fleet, type Member, startFleet } from './fleet.js'

// `npm run test:receipts` does the same with 10,000 revocations.

const IS_FULL = process.env.RECEIPTS === 'all'
const [VERIFIERS, REVOCATIONS, CONCURRENCY] = IS_FULL ? [50, 10_000, 20] : [12, 80, 4]

t.test('after a 204 no verifier accepts the token, whatever happens to their connections', async t => {
  const fleet = await startFleet(t, VERIFIERS, place => (place % 2 === 0 ? 5 : 60))
  const chaos = disturb(fleet)
  const counts = { complete: 0, pending: 0, verifications: 0, unnamed: 0, accepted: 0 }
  const waits: number[] = []
  let left = REVOCATIONS

  async function revokeSome(): Promise<void> {
    while (left > 0) {
      const seconds = 1 + (left-- % 3)
      const token = await fleet.openSession()
      const { status, receipt, lagging, ms } = await fleet.revoke(token, seconds)
      const accepting = fleet.accepting(token)
      counts.verifications += VERIFIERS
      if (status === 204) {
        if (receipt !== 'complete') t.fail(`the receipt of a 204 was ${receipt}`)
        counts.complete++
        waits.push(ms)
        counts.accepted += accepting.length
      } else if (status === 202) {
        counts.pending++
        counts.unnamed += accepting.filter(name => !lagging.includes(name)).length
      } else t.fail(`the answer was ${status}`)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, revokeSome))
  await chaos.stop()

  t.equal(counts.accepted, 0, 'no verifier accepted a token after a 204')
  t.equal(counts.unnamed, 0, 'a 202 names every verifier that still accepts the token')
  t.ok(counts.complete > 0)
  waits.sort((a, b) => a - b)
  const at = (share: number) => Math.round(waits[Math.floor((waits.length - 1) * share)] ?? 0)
  t.comment(
    `${REVOCATIONS} revocations, ${VERIFIERS} verifiers, ${chaos.count} disturbances: ${counts.complete} answers 204, ` +
      `${counts.pending} answers 202, ${counts.verifications} verifications; 204 after ${at(0.5)} ms (median), ` +
      `${at(0.95)} ms (19 of 20)`,
  )

  t.test('and when the network is well again, every receipt is complete', async t => {
    await until(() => fleet.members.every(({ verifier }) => verifier.status().connected), 'all are connected')
    const token = await fleet.openSession()
    t.match(await fleet.revoke(token, 20), { status: 204 })
    t.strictSame(fleet.accepting(token), [])
  })
})

t.test('a verifier that is cut off is named, then refuses everything, and misses nothing', async t => {
  const fleet = await startFleet(t, 4, () => 5)
  const { members } = fleet
  const cut = members[0]!
  const [kept, before] = [await fleet.openSession(), await fleet.openSession()]
  t.match(await fleet.revoke(before, 20), { status: 204 })

  await cut.proxy.refuse()
  const during = await fleet.openSession()
  const answer = await fleet.revoke(during, 1)
  t.match(answer, { status: 202, lagging: [cut.name] })
  t.equal(await verdict(cut.verifier.verify(kept.accessToken)), 'valid', 'it still verifies')

  await until(async () => (await verdict(cut.verifier.verify(kept.accessToken))) === 'revocations_stale', 'it is stale')
  const later = await fleet.openSession()
  t.match(await fleet.revoke(later, 20), { status: 204 }, 'no receipt waits for it any more')
  t.equal(await verdict(cut.verifier.verify(later.accessToken)), 'revocations_stale')

  await cut.proxy.heal()
  await until(async () => (await verdict(cut.verifier.verify(kept.accessToken))) === 'valid', 'it is back')
  for (const { accessToken } of [before, during, later])
    t.equal(await verdict(cut.verifier.verify(accessToken)), 'token_revoked')
  const last = await fleet.openSession()
  t.match(await fleet.revoke(last, 20), { status: 204 })
  t.strictSame(fleet.accepting(last), [])
})

/** Disturbs the network of one verifier after the other. */
function disturb({ members, urls }: Fleet) {
  const random = seededRandom(7)
  const pick = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)]!
  let isOver = false
  let count = 0
  const disturbed = new Set<Member>()
  const pending = new Set<Promise<void>>()

  async function disturbOne(member: Member): Promise<void> {
    const { proxy } = member
    disturbed.add(member)
    count++
    proxy.retarget(pick(urls))
    const kind = pick(['reset', 'stall', 'silence', 'refuse', 'slow'])
    if (kind === 'stall') proxy.blackHole('down')
    else if (kind === 'silence') proxy.blackHole()
    else if (kind === 'refuse') await proxy.refuse()
    else if (kind === 'slow') proxy.delay(100 + random() * 300)
    // Every fifth lasts longer than a receipt waits; others are over before.
    if (kind !== 'reset') await sleep(random() < 0.2 ? 2000 + random() * 4000 : 50 + random() * 500)
    proxy.delay(0)
    await proxy.heal()
    proxy.reset()
    disturbed.delete(member)
  }

  async function run(): Promise<void> {
    while (!isOver) {
      await sleep(200 + random() * 1200)
      const member = pick(members)
      if (disturbed.has(member) || disturbed.size > 3) continue
      const done = disturbOne(member).finally(() => pending.delete(done))
      pending.add(done)
    }
    await Promise.all(pending)
  }
  const running = run()
  return {
    get count() {
      return count
    },
    async stop() {
      isOver = true
      await running
    },
  }
}
