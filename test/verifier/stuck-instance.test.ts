import t from 'tap'
import { ClientToken } from '../../packages/verifier/src/feed/client-token.js'
import { Follower } from '../../packages/verifier/src/feed/follower.js'
import { until } from '../support/eventually.js'
import { startToyIssuer } from './toy-issuer.js'

t.test(
  'an instance that has had no news for much longer than the bound is left: another one may have some',
  async t => {
    const toy = await startToyIssuer(t)
    const asOf = performance.now()
    const beats = setInterval(() => {
      for (const stream of toy.streams) if (stream.isOpen) stream.heartbeat(undefined, { as_of_ms: asOf })
    }, 50)
    t.teardown(() => clearInterval(beats))
    let shiftMs = 0
    const failures: (string | undefined)[] = []
    const transport = { fetch, baseUrl: toy.url }
    const monotonic = () => performance.now() + shiftMs
    const follower = new Follower({
      transport,
      token: new ClientToken({ transport, client: toy.client, monotonic }),
      name: 'test',
      maxStalenessSeconds: 5,
      now: () => ({ monotonicMs: monotonic(), wallMs: Date.now() + shiftMs }),
      onConnected: () => {},
      onRevocations: () => {},
      onHeartbeat: () => {},
      onDisconnected: failure => failures.push(failure?.message),
    })
    t.teardown(() => follower.close())
    follower.start()
    await until(() => follower.isComplete)
    shiftMs = 15_000
    await new Promise(resolve => setTimeout(resolve, 300))
    t.strictSame(failures, [], 'not as soon as the list is too old: usually the database comes back')
    shiftMs = 40_000
    await until(() => failures.length === 1)
    t.match(failures[0], /has no news/)
    await until(() => toy.asked.length === 2)
  },
)
