import { join } from 'node:path'
import { downloadBackports, downloadDebianPackages, unpackDebianPackages } from './debian-packages.js'
import { findOnPath } from './find-on-path.js'
import { serversFolder } from './servers-file.js'

/** A Redis server program, and the path of its libraries if it was unpacked rather than installed. */
export interface RedisProgram {
  path: string
  libraryPath?: string
}

/**
 * The program that TEST_REDIS_SERVER names; otherwise the Redis or Valkey on the PATH; otherwise the Redis of Debian, which
 * is downloaded and unpacked without being installed; otherwise undefined, and the caller uses docker.
 */
export async function findRedis(): Promise<RedisProgram | undefined> {
  const named = process.env.TEST_REDIS_SERVER
  const installed = named ?? (await findOnPath('redis-server')) ?? (await findOnPath('valkey-server'))
  if (installed !== undefined) return { path: installed }
  const packages = await downloadDebianPackages('redis-server', 'redis-tools')
  return packages === undefined ? undefined : unpack(packages, 'redis')
}

/** The Valkey on the PATH; otherwise that of Debian or of its backports; otherwise undefined. */
export async function findValkey(): Promise<RedisProgram | undefined> {
  const installed = await findOnPath('valkey-server')
  if (installed !== undefined) return { path: installed }
  const names = ['valkey-server', 'valkey-tools'] as const
  const packages = (await downloadDebianPackages(...names)) ?? (await downloadBackports(...names))
  return packages === undefined ? undefined : unpack(packages, 'valkey')
}

async function unpack(packages: readonly string[], name: 'redis' | 'valkey'): Promise<RedisProgram> {
  const { folder, libraryPath } = await unpackDebianPackages(packages, join(serversFolder, name))
  return { path: join(folder, `usr/bin/${name}-server`), libraryPath }
}
