import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'

/** The service writes activity once a second. */
const FLUSH_MS = 1500

/** The bytes that Redis needs for its keys: without what it needs when it is empty, and for its connections. */
export async function redisBytes(url: string): Promise<number> {
  await sleep(FLUSH_MS)
  const redis = new Redis(url)
  const memory = await redis.info('memory')
  redis.disconnect()
  const [used, empty, connections] = ['used_memory', 'used_memory_startup', 'mem_clients_normal'].map(name =>
    Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(memory)![1]),
  )
  return used! - empty! - connections!
}
