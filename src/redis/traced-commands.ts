import type { Cluster, Redis } from 'ioredis'
import type { OutgoingCall, TraceCall } from '../lib/trace-call.js'
import { type RedisScripts, SCRIPTS } from './commands.js'

/**
 * The same client, which also makes a span of each script, and of GET and SET. ioredis reports its commands too, but with
 * their keys, and where automatic pipelining sends them: by then the request that called is no longer known.
 */
export function tracedCommands(
  redis: (Redis | Cluster) & RedisScripts,
  trace: TraceCall,
): (Redis | Cluster) & RedisScripts {
  const calls = new Map<unknown, OutgoingCall>(
    Object.keys(SCRIPTS).map(script => [script, { to: 'redis', command: 'EVALSHA', script }]),
  )
  for (const command of ['GET', 'SET']) calls.set(command.toLowerCase(), { to: 'redis', command })
  return new Proxy(redis, {
    get(client, name) {
      const value: unknown = Reflect.get(client, name, client)
      if (typeof value !== 'function') return value
      // ioredis copies methods of the client to its pipelines, so it must see its own.
      const call = calls.get(name)
      if (call === undefined) return value.bind(client)
      return (...args: unknown[]) => trace(call, () => value.apply(client, args))
    },
  })
}
