import { createHash } from 'node:crypto'
import { chmod, mkdir, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const REFUGES = '/var/lib/latchkey'

/**
 * The folder for what the server's user can't reach at its own place. Its name follows from the path of the data
 * folder, so that the next start finds it again.
 */
export async function refugeOf(dataDir: string): Promise<string> {
  const hash = createHash('sha256').update(await realpath(dataDir))
  return join(REFUGES, hash.digest('hex').slice(0, 12))
}

/** Makes a refuge that everybody may pass through and root alone may write to. */
export async function makeRefuge(refuge: string): Promise<void> {
  await mkdir(refuge, { recursive: true })
  for (const folder of [dirname(refuge), refuge]) {
    const { uid, mode } = await stat(folder)
    if (uid !== 0 || mode & 0o022) throw new Error(`${folder} must belong to root, and nobody else may write to it.`)
    await chmod(folder, 0o711)
  }
}
