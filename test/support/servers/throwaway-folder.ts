import { mkdtemp, readFile, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const IN_MEMORY = '/dev/shm'
/** Several times what the databases of a run need at once. */
const NEEDED_BYTES = 2 * 1024 ** 3

/**
 * Makes a folder for the data of a server that is not needed after the tests. It is in memory if there is enough: a new
 * database has three hundred files, which take twenty times as long on a disk.
 */
export async function makeThrowawayFolder(prefix: string): Promise<string> {
  return mkdtemp(join((await hasMemory()) ? IN_MEMORY : tmpdir(), prefix))
}

/** Programs are unpacked there too, so it must allow programs to run. */
async function hasMemory(): Promise<boolean> {
  const free = await statfs(IN_MEMORY).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  )
  if (free < NEEDED_BYTES) return false
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').map(line => line.split(' '))
  const options = mounts.findLast(([, place]) => place === IN_MEMORY)?.[3]?.split(',') ?? ['ro']
  return !options.includes('noexec') && !options.includes('ro')
}
