import { join } from 'node:path'
import { downloadDebianPackages, unpackDebianPackages } from './debian-packages.js'
import { findOnPath } from './find-on-path.js'
import { serversFolder, withServersLock } from './servers-file.js'

/** A program, and the path of its libraries if it was unpacked rather than installed. */
export interface Program {
  path: string
  libraryPath?: string
}

/**
 * The installed program; otherwise that of Debian, which is downloaded and unpacked without being installed.
 *
 * @param pathInPackage - such as `usr/sbin/nginx`, in the package that has the name of the program
 * @throws Error if it is not installed and there is no apt
 */
export async function findDebianProgram(name: string, pathInPackage: string): Promise<Program> {
  const installed = await findOnPath(name)
  if (installed !== undefined) return { path: installed }
  return withServersLock(async () => {
    const packages = await downloadDebianPackages(name)
    if (packages === undefined) throw new Error(`This test needs ${name}: install the package ${name}.`)
    const { folder, libraryPath } = await unpackDebianPackages(packages, join(serversFolder, name))
    return { path: join(folder, pathInPackage), libraryPath }
  })
}
