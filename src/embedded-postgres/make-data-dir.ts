import { chmod, lstat, mkdir, realpath, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/**
 * Makes the data folder if it is missing, and closes it to everybody else.
 *
 * @returns its absolute path, free of links
 * @throws if it is another user's, or another user could lead us to any folder of ours
 */
export async function makeDataDir(dataDir: string): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const self = process.getuid?.()
  if (self !== undefined) await refuseForeignLinks(dataDir, self)
  const path = await realpath(dataDir)
  const owner = (await stat(path)).uid
  if (self !== undefined && owner !== self) {
    throw new Error(`${path} belongs to uid ${owner}, not to uid ${self}. Start Latchkey as the user that made it.`)
  }
  await chmod(path, 0o700)
  return path
}

async function refuseForeignLinks(dataDir: string, self: number): Promise<void> {
  for (let path = resolve(dataDir); path !== dirname(path); path = dirname(path)) {
    const stats = await lstat(path)
    if (!stats.isSymbolicLink() || stats.uid === 0 || stats.uid === self) continue
    throw new Error(`${path} is a link of uid ${stats.uid}, who could lead it to any folder. Set DATA_DIR without it.`)
  }
}
