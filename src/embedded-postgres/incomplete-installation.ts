import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../lib/error-facts.js'
import { dataFolder, passwordFile } from './installation.js'

/** Whether there is no installation yet. An empty folder, as Docker or a person may have made it, is none. */
export async function isNotInstalled(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length === 0
  } catch (error) {
    return codeOf(error) === 'ENOENT'
  }
}

/**
 * An installation appears in one step, so one with missing parts was damaged, or the folder is not from Latchkey.
 *
 * @throws if parts are missing: the message says what to do
 */
export async function refuseIncompleteInstallation(folder: string): Promise<void> {
  if (await isNotInstalled(folder)) return
  for (const path of [passwordFile({ folder }), join(dataFolder({ folder }), 'PG_VERSION')]) {
    if (!(await isMissing(path))) continue
    throw new Error(
      `${folder} is not a complete database of Latchkey (${path} is missing): restore it from a backup, move it away to ` +
        'start with an empty database, or set DATA_DIR to another folder.',
    )
  }
}

/** A file that another user has closed is not missing. */
function isMissing(path: string): Promise<boolean> {
  return stat(path).then(
    () => false,
    error => ['ENOENT', 'ENOTDIR'].includes(codeOf(error)),
  )
}
