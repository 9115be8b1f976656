import t from 'tap'
import { createPasswordHasher } from '../../src/auth/passwords/password-hasher.js'
import { LatchkeyError } from '../../src/errors.js'

t.test(
  'a flood of 200 logins runs one hash at a time, refuses what exceeds the queue, and leaves no trace',
  async t => {
    const hasher = createPasswordHasher({ concurrency: 1, queue: 8 })
    const stored = await hasher.hash('correct horse')

    const finished: number[] = []
    const refusedMs: number[] = []
    const startedAt = performance.now()
    const cpuAtStart = process.cpuUsage()
    const flood = Array.from({ length: 200 }, async (_, index) => {
      try {
        t.equal(await hasher.verify(stored, index % 2 === 0 ? 'correct horse' : 'wrong horse'), index % 2 === 0)
        finished.push(index)
      } catch (error) {
        if (!(error instanceof LatchkeyError && error.code === 'busy')) throw error
        refusedMs.push(performance.now() - startedAt)
      }
    })
    t.equal(hasher.pending, 9)
    await Promise.all(flood)

    const wallMs = performance.now() - startedAt
    const cpu = process.cpuUsage(cpuAtStart)
    t.same(finished, [0, 1, 2, 3, 4, 5, 6, 7, 8], 'the first nine ran, in their order')
    t.equal(refusedMs.length, 191)
    t.ok(Math.max(...refusedMs) < wallMs / 2, 'the others were told at once')
    // Two hashes at a time would keep two cores busy; the margin is for this thread and the runtime's own.
    t.ok((cpu.user + cpu.system) / 1000 < wallMs * 1.5, 'no more than one core was at work')

    t.equal(hasher.pending, 0)
    t.equal(await hasher.verify(stored, 'correct horse'), true, 'a later login succeeds')
  },
)
