import type { Cluster, Redis } from 'ioredis'

/**
 * The text under a key, null if there is none. What is of another type reads as an empty text, which nothing of ours is.
 */
export async function getText(redis: Redis | Cluster, key: string): Promise<string | null> {
  try {
    return await redis.get(key)
  } catch (error) {
    if (isWrongType(error)) return ''
    throw error
  }
}

/** Whether a command was refused because the key holds something of another type. */
export function isWrongType(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('WRONGTYPE')
}
