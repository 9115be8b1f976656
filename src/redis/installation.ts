import { Cluster, type Redis } from 'ioredis'

/** What an operator has to know of one Redis server. */
export interface RedisInstallation {
  address: string
  version: string
  /** `redis`, or `valkey` and others that say so. */
  product: string
  role: string
  evictionPolicy: string
  usedBytes: number
  /** 0 if there is no limit. */
  limitBytes: number
  replicas: number
  /** Milliseconds since the epoch; undefined if the user has no right to ask. */
  nowMs: number | undefined
}

/**
 * Reads it from each server that takes writes.
 *
 * @throws if a server does not answer; a user without the right to INFO gets NOPERM
 */
export async function readInstallation(redis: Redis | Cluster): Promise<RedisInstallation[]> {
  const servers = redis instanceof Cluster ? redis.nodes('master') : [redis]
  return Promise.all(servers.map(readServer))
}

async function readServer(server: Redis): Promise<RedisInstallation> {
  const info = await server.info()
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
  const time = await server.time().catch(() => undefined)
  const { host, port, path } = server.options
  return {
    address: path ?? `${host}:${port}`,
    version: field('valkey_version') || field('redis_version'),
    product: field('server_name') || 'redis',
    role: field('role'),
    evictionPolicy: field('maxmemory_policy'),
    usedBytes: Number(field('used_memory')),
    limitBytes: Number(field('maxmemory')),
    replicas: Number(field('connected_slaves')),
    nowMs: time && Number(time[0]) * 1000 + Math.floor(Number(time[1]) / 1000),
  }
}
