import t from 'tap'
import { createKeys } from '../../src/redis/key-names.js'
import { createMemoryEphemeral } from '../../src/redis/memory-ephemeral.js'
import { ephemeralContract } from '../contract/ephemeral.js'

t.test('the store in memory passes the contract of the ephemeral store', t =>
  ephemeralContract(t, async (_t, settings) => {
    let time = Date.now()
    return {
      ephemeral: createMemoryEphemeral({ keys: createKeys(settings), now: () => time }),
      now: () => time,
      async passTime(ms) {
        time += ms
      },
    }
  }),
)
