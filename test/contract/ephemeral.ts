import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import type { Ephemeral } from '../../src/redis/ephemeral.js'
import type { KeySettings } from '../../src/redis/key-names.js'

/** An implementation under test whose time the test controls. */
export interface EphemeralUnderTest {
  ephemeral: Ephemeral
  /** The time of the clock that the implementation uses (ms since the epoch). */
  now(): number
  /** Makes everything that it stores older. */
  passTime(ms: number): Promise<void>
}

export type OpenEphemeral = (t: Test, settings: KeySettings) => Promise<EphemeralUnderTest>

const settings: KeySettings = { refreshTokenTtlSeconds: 7 * 86_400 }
const MINUTE = 60_000

/** The tests that every implementation of {@link Ephemeral} must pass. `open` gives each sub-test an empty one. */
export function ephemeralContract(t: Test, open: OpenEphemeral): void {
  t.test('counters fulfil the contract', t => counters(t, open))
  t.test('session activity fulfils the contract', t => activity(t, open))
  t.test('the blacklist, following and pinging fulfil the contract', t => theRest(t, open))
  t.end()
}

async function counters(t: Test, open: OpenEphemeral) {
  t.test('hits within a window are counted, and a new window starts from zero', async t => {
    const { ephemeral, passTime } = await open(t, settings)
    t.match(await ephemeral.hit('a', MINUTE), { count: 1, resetsInMs: MINUTE })
    t.equal((await ephemeral.hit('a', MINUTE)).count, 2)
    await passTime(MINUTE)
    t.match(await ephemeral.hit('a', MINUTE), { count: 1, resetsInMs: MINUTE })
  })

  t.test('a later hit does not prolong the window', async t => {
    const { ephemeral, passTime } = await open(t, settings)
    await ephemeral.hit('a', MINUTE)
    await passTime(40_000)
    const { count, resetsInMs } = await ephemeral.hit('a', MINUTE)
    t.equal(count, 2)
    t.ok(resetsInMs <= 20_000 && resetsInMs > 10_000, `${resetsInMs} ms are left`)
  })

  t.test('counters with different names are independent', async t => {
    const { ephemeral } = await open(t, settings)
    await ephemeral.hit('a', MINUTE)
    t.equal((await ephemeral.hit('b', MINUTE)).count, 1)
    await ephemeral.unhit('b')
    t.equal((await ephemeral.hit('a', MINUTE)).count, 2)
  })

  t.test('fifty simultaneous hits get fifty different counts', async t => {
    const { ephemeral } = await open(t, settings)
    const hits = await Promise.all(Array.from({ length: 50 }, () => ephemeral.hit('a', MINUTE)))
    t.same(new Set(hits.map(({ count }) => count)), new Set(Array.from({ length: 50 }, (_, index) => index + 1)))
  })

  t.test('a hit can be taken back, and the count never falls below zero', async t => {
    const { ephemeral } = await open(t, settings)
    await ephemeral.hit('a', MINUTE)
    await ephemeral.hit('a', MINUTE)
    await ephemeral.unhit('a')
    t.equal((await ephemeral.hit('a', MINUTE)).count, 2)
    for (let times = 0; times < 5; times++) await ephemeral.unhit('a')
    t.equal((await ephemeral.hit('a', MINUTE)).count, 1)
  })

  t.test('taking back a hit neither starts nor ends a window', async t => {
    const { ephemeral, passTime } = await open(t, settings)
    await ephemeral.unhit('a')
    await passTime(30_000)
    t.match(await ephemeral.hit('a', MINUTE), { count: 1, resetsInMs: MINUTE })
    await ephemeral.unhit('a')
    await passTime(30_000)
    const { resetsInMs } = await ephemeral.hit('a', MINUTE)
    t.ok(resetsInMs <= 30_000, `${resetsInMs} ms are left`)
  })
}

async function activity(t: Test, open: OpenEphemeral) {
  t.test('the last activity of sessions and of their generations is stored', async t => {
    const { ephemeral, now } = await open(t, settings)
    const [one, two, never] = [randomUUID(), randomUUID(), randomUUID()]
    const at = now()
    await ephemeral.recordActivity([
      { sessionId: one, generation: 1, seenAt: at - 2000 },
      { sessionId: one, generation: 2, seenAt: at },
      { sessionId: two, generation: 7, seenAt: at - 1000 },
    ])
    t.same(
      await ephemeral.lastActivity([one, two, never]),
      new Map([
        [one, at],
        [two, at - 1000],
      ]),
    )
    t.equal(await ephemeral.generationLastSeen(one, 1), at, 'a client with the newer generation also had this one')
    t.equal(await ephemeral.generationLastSeen(one, 2), at)
    t.equal(await ephemeral.generationLastSeen(one, 3), undefined)
    t.equal(await ephemeral.generationLastSeen(never, 1), undefined)
  })

  t.test('a late report does not replace a newer one', async t => {
    const { ephemeral, now } = await open(t, settings)
    const sessionId = randomUUID()
    const at = now()
    await ephemeral.recordActivity([{ sessionId, generation: 1, seenAt: at }])
    await ephemeral.recordActivity([{ sessionId, generation: 1, seenAt: at - 5000 }])
    t.same(await ephemeral.lastActivity([sessionId]), new Map([[sessionId, at]]))
    t.equal(await ephemeral.generationLastSeen(sessionId, 1), at)
  })

  t.test('a session’s activity is forgotten one refresh token lifetime after its last use', async t => {
    const { ephemeral, now, passTime } = await open(t, settings)
    const sessionId = randomUUID()
    const lifetime = settings.refreshTokenTtlSeconds * 1000
    await ephemeral.recordActivity([{ sessionId, generation: 1, seenAt: now() - MINUTE }])
    await passTime(lifetime - 2 * MINUTE)
    t.equal((await ephemeral.lastActivity([sessionId])).size, 1)
    await passTime(MINUTE)
    t.equal((await ephemeral.lastActivity([sessionId])).size, 0)
  })

  t.test('a generation’s activity is remembered for one refresh token lifetime', async t => {
    const { ephemeral, now, passTime } = await open(t, settings)
    const sessionId = randomUUID()
    await ephemeral.recordActivity([{ sessionId, generation: 1, seenAt: now() }])
    await passTime(settings.refreshTokenTtlSeconds * 1000 - MINUTE)
    t.type(await ephemeral.generationLastSeen(sessionId, 1), 'number')
    await passTime(MINUTE)
    t.equal(await ephemeral.generationLastSeen(sessionId, 1), undefined)
  })

  t.test('using a newer generation also counts for the older ones, in any order of the reports', async t => {
    const { ephemeral, now } = await open(t, settings)
    const sessionId = randomUUID()
    const at = now()
    await ephemeral.recordActivity([{ sessionId, generation: 3, seenAt: at - 1000 }])
    await ephemeral.recordActivity([{ sessionId, generation: 2, seenAt: at }])
    t.equal(await ephemeral.generationLastSeen(sessionId, 2), at - 1000)
    t.equal(await ephemeral.generationLastSeen(sessionId, 3), at - 1000)
    t.equal(await ephemeral.generationLastSeen(sessionId, 4), undefined)
    t.same(await ephemeral.lastActivity([sessionId]), new Map([[sessionId, at]]))
  })

  t.test('activity older than a refresh token lifetime is not stored', async t => {
    const { ephemeral, now } = await open(t, settings)
    const sessionId = randomUUID()
    await ephemeral.recordActivity([
      { sessionId, generation: 1, seenAt: now() - settings.refreshTokenTtlSeconds * 1000 },
    ])
    t.equal((await ephemeral.lastActivity([sessionId])).size, 0)
    t.equal(await ephemeral.generationLastSeen(sessionId, 1), undefined)
  })
}

async function theRest(t: Test, open: OpenEphemeral) {
  t.test('publishing accepts entries of every kind, repeated, expired and in any number', async t => {
    const { ephemeral, now } = await open(t, settings)
    const lasting = { reason: 'logout', expiresAt: now() + MINUTE }
    const subject = randomUUID()
    const entries = [
      { kind: 'session', subject, ...lasting },
      { kind: 'token', subject, ...lasting },
      { kind: 'user', subject, belowVersion: 2, ...lasting },
      { kind: 'user', subject, before: 1_700_000_000, ...lasting },
      { kind: 'realm', before: 1_700_000_000, ...lasting },
      { kind: 'key', subject, reason: 'compromised', expiresAt: null },
      { kind: 'session', subject: randomUUID(), reason: 'logout', expiresAt: now() - MINUTE },
    ] as const
    await t.resolves(ephemeral.publish([]))
    await t.resolves(ephemeral.publish(entries))
    await t.resolves(ephemeral.publish(entries))
    const many = Array.from({ length: 2500 }, () => ({ kind: 'session', subject: randomUUID(), ...lasting }) as const)
    await t.resolves(ephemeral.publish(many))
  })

  t.test('a follower is called with an empty list when there is nothing new', async t => {
    const { ephemeral } = await open(t, settings)
    // Following alone does not keep the process running.
    const alive = setInterval(() => {}, 1000)
    t.teardown(() => clearInterval(alive))
    const following = await new Promise<{ stop(): Promise<void> }>(resolve => {
      const following = ephemeral.follow(news => {
        t.strictSame(news, [])
        resolve(following)
      })
    })
    await following.stop()
  })

  t.test('the blacklist can be completed from any position', async t => {
    const { ephemeral, now } = await open(t, settings)
    const entry = { kind: 'session', subject: randomUUID(), reason: 'logout', expiresAt: now() + MINUTE } as const
    const to = { serverStart: '1700000000.1', xid: '750' }
    const all = () => [entry]
    await t.resolves(ephemeral.complete({ from: undefined, to, entries: [], all }))
    await t.resolves(
      ephemeral.complete({ from: to, to: { ...to, xid: '18446744073709551615' }, entries: [entry], all }),
    )
  })

  t.test('recording no activity and looking up no session succeeds', async t => {
    const { ephemeral } = await open(t, settings)
    await t.resolves(ephemeral.recordActivity([]))
    t.same(await ephemeral.lastActivity([]), new Map())
  })

  t.test('a ping is answered, and no untrusted entry is counted at first', async t => {
    const { ephemeral } = await open(t, settings)
    await t.resolves(ephemeral.ping())
    t.equal(ephemeral.untrustedCount, 0)
  })
}
