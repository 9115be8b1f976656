import t from 'tap'
import { Activity } from '../../src/redis/activity.js'
import type { Ephemeral } from '../../src/redis/ephemeral.js'
import { createKeys } from '../../src/redis/key-names.js'
import { createMemoryEphemeral } from '../../src/redis/memory-ephemeral.js'
import { quietLog } from '../support/servers/quiet-log.js'

t.test('activity that is still being written to the store is already reported', async t => {
  const keys = createKeys({ refreshTokenTtlSeconds: 60 })
  const store = createMemoryEphemeral({ keys })
  let arrive = () => {}
  const onItsWay = new Promise<void>(resolve => {
    arrive = resolve
  })
  const slow: Ephemeral = {
    ...store,
    recordActivity: async sightings => {
      await onItsWay
      await store.recordActivity(sightings)
    },
  }
  const seenAt = Date.now()
  const activity = new Activity({ ephemeral: slow, log: quietLog(), clock: () => seenAt })
  t.teardown(() => activity.close())

  activity.record('session', 3)
  const flushed = activity.flush()
  const isKnown = async (when: string) => {
    t.equal((await activity.lastSeen(['session'])).get('session'), seenAt, when)
    t.equal(await activity.generationLastSeen('session', 3), seenAt, when)
  }
  await isKnown('while it is being written')
  arrive()
  await flushed
  await isKnown('after it was written')
})
