import { join } from 'node:path'
import { downloadDebianPackages, unpackDebianPackages } from './debian-packages.js'
import { findOnPath } from './find-on-path.js'
import { serversFolder } from './servers-file.js'

/** A Redis server program and, if it was unpacked rather than installed, where its libraries are. */
export interface RedisProgram {
  path: string
  libraryPath?: string
}

/**
 * The Redis or Valkey on PATH; else Debian's, downloaded and unpacked without being installed; else undefined, which
 * leaves docker.
 */
export async function findRedis(): Promise<RedisProgram | undefined> {
  const installed = (await findOnPath('redis-server')) ?? (await findOnPath('valkey-server'))
  if (installed !== undefined) return { path: installed }
  const packages = await downloadDebianPackages('redis-server', 'redis-tools')
  if (packages === undefined) return undefined
  const unpacked = await unpackDebianPackages(packages, join(serversFolder, 'redis'))
  return { path: join(unpacked.folder, 'usr/bin/redis-server'), libraryPath: unpacked.libraryPath }
}
