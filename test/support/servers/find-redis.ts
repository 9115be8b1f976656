import { join } from 'node:path'
import { downloadDebianPackages, unpackDebianPackages } from './debian-packages.js'
import { findOnPath } from './find-on-path.js'
import { serversFolder } from './servers-file.js'

/** A Redis server program, and the path of its libraries if it was unpacked rather than installed. */
export interface RedisProgram {
  path: string
  libraryPath?: string
}

/**
 * The Redis or Valkey on the PATH; otherwise that of Debian, which is downloaded and unpacked without being installed;
 * otherwise undefined, and the caller uses docker.
 */
export async function findRedis(): Promise<RedisProgram | undefined> {
  const installed = (await findOnPath('redis-server')) ?? (await findOnPath('valkey-server'))
  if (installed !== undefined) return { path: installed }
  const packages = await downloadDebianPackages('redis-server', 'redis-tools')
  if (packages === undefined) return undefined
  const unpacked = await unpackDebianPackages(packages, join(serversFolder, 'redis'))
  return { path: join(unpacked.folder, 'usr/bin/redis-server'), libraryPath: unpacked.libraryPath }
}
