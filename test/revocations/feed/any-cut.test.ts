import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { INSTANCES, World } from './model-world.js'

// Two instances over one database, in which transactions commit in any order, messages between the instances are lost,
// and which is replaced by an older copy. One follower, whose connection is cut after any byte and goes on at either
// instance. Whatever happens: when a heartbeat with a position was read, the follower has everything that this position
// contains; when the first one after a registration was read, everything from before the registration; and in the end it
// has everything.

const at = fc.nat({ max: INSTANCES - 1 })
const step = fc.oneof(
  fc.record({ do: fc.constant('begin' as const) }),
  {
    arbitrary: fc.record({ do: fc.constant('commit' as const), which: fc.nat(), at, isHeard: fc.boolean() }),
    weight: 3,
  },
  { arbitrary: fc.record({ do: fc.constant('poll' as const), at }), weight: 3 },
  { arbitrary: fc.record({ do: fc.constant('read' as const), bytes: fc.nat({ max: 2000 }) }), weight: 2 },
  fc.record({ do: fc.constant('cut' as const), bytes: fc.nat({ max: 600 }) }),
  { arbitrary: fc.record({ do: fc.constant('connect' as const), at, isVerifier: fc.boolean() }), weight: 2 },
  fc.record({ do: fc.constant('another' as const), at }),
  fc.record({ do: fc.constant('failover' as const), lost: fc.nat({ max: 3 }) }),
)
type Step = typeof timedStep extends fc.Arbitrary<infer S> ? S : never

const timedStep = fc.tuple(step, fc.nat({ max: 3 })).map(([step, turns]) => ({ ...step, turns }))

async function take(world: World, step: Step): Promise<void> {
  switch (step.do) {
    case 'begin':
      world.journal.begin(world.entry())
      break
    case 'commit': {
      const { openXids } = world.journal
      const xid = openXids[step.which % openXids.length] ?? world.journal.begin(world.entry())
      world.commit(xid, step.at, step.isHeard)
      break
    }
    case 'poll':
      await world.instances[step.at]!.revocations.readJournal()
      break
    case 'read':
      world.read(step.bytes)
      break
    case 'cut':
      world.cut(step.bytes)
      break
    case 'connect':
      await world.connect(step.at, step.isVerifier)
      break
    case 'another':
      await world.connectAnother(step.at)
      break
    case 'failover':
      world.failover(step.lost)
      break
  }
  for (let n = 0; n < step.turns; n++) await turn()
}

t.test('whatever is cut, lost or late, a position contains nothing that the follower lacks', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(timedStep, { minLength: 10, maxLength: 60 }), async steps => {
      const world = new World()
      await world.open()
      try {
        for (const step of steps) {
          await take(world, step)
          if (world.missing().length > 0) throw new Error(`the follower lacks ${JSON.stringify(world.missing())}`)
        }
        // In the end every instance has read everything, and the follower too.
        for (const xid of world.journal.openXids) world.commit(xid, 0, false)
        for (let round = 0; round < 3; round++)
          for (const { revocations } of world.instances) await revocations.readJournal()
        await world.connect(1, false)
        await world.instances[1]!.revocations.readJournal()
        for (let n = 0; n < 20; n++) await turn()
        world.read(Number.POSITIVE_INFINITY)
        const { follower, journal } = world
        const lacking = journal.committed.filter(({ revocation }) => !follower.list.covers(revocation))
        if (lacking.length > 0 || world.missing().length > 0)
          throw new Error(`the follower lacks ${JSON.stringify(lacking)}`)
      } finally {
        await world.close()
      }
    }),
    { numRuns: 300 },
  )
})
