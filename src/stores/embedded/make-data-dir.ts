import { chmod, mkdir, realpath, stat } from 'node:fs/promises'

/**
 * Makes the data folder if it is missing, and closes it to everybody else. Root leaves it open to pass through, not to
 * list: the server's user has to get to its own folder inside.
 *
 * @returns its absolute path, free of links
 */
export async function makeDataDir(dataDir: string): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const path = await realpath(dataDir)
  const owner = (await stat(path)).uid
  const self = process.getuid?.()
  if (self !== undefined && owner !== self) {
    throw new Error(`${path} belongs to uid ${owner}, not to uid ${self}. Start Latchkey as the user that made it.`)
  }
  await chmod(path, self === 0 ? 0o711 : 0o700)
  return path
}
