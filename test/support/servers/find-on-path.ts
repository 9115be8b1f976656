import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** The program of this name that a shell would start; also looks in /usr/sbin, which only root has on the PATH. */
export async function findOnPath(name: string): Promise<string | undefined> {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']) {
    const path = join(folder, name)
    if (folder !== '' && (await isExecutable(path))) return path
  }
  return undefined
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
