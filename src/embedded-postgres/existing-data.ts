import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { codeOf } from '../lib/error-facts.js'
import { isNotInstalled } from './incomplete-installation.js'
import { lockHolder } from './process-lock.js'
import { type EmbeddedSecrets, readEmbeddedSecrets } from './secrets.js'

/** A data folder that an earlier start created. */
export interface ExistingData {
  /** Undefined if the secrets come from elsewhere. */
  secrets: EmbeddedSecrets | undefined
}

/** Says why a folder has no data that a command can use, without its path: "it is empty". */
export class NoEmbeddedData extends Error {
  /** @param isAbsent whether there is nothing at all, so that another folder was probably meant */
  constructor(
    message: string,
    readonly isAbsent: boolean,
  ) {
    super(message)
    this.name = 'NoEmbeddedData'
  }
}

/**
 * Reads the data folder of a service that was started before, or that is just starting. Creates and changes nothing.
 *
 * @param options.needsSecrets false if the environment has both secrets
 * @throws NoEmbeddedData
 */
export async function readExistingData(dataDir: string, options: { needsSecrets: boolean }): Promise<ExistingData> {
  const path = resolve(dataDir)
  const names = await namesIn(path)
  await refuseDataOfOthers(path)
  const hasDatabase =
    names.includes('postgres.arriving') ||
    (names.includes('postgres') && !(await isNotInstalled(join(path, 'postgres'))))
  // The first start of a service creates the lock before the database.
  if (!hasDatabase && (await lockHolder(join(path, 'latchkey.pid'))) === undefined) {
    throw names.includes('secrets.json')
      ? new NoEmbeddedData(
          'it has secrets but no database, because the first start was interrupted: start the service',
          false,
        )
      : new NoEmbeddedData(names.length === 0 ? 'it is empty' : 'its files are not from Latchkey', true)
  }
  const secrets = await readEmbeddedSecrets(path)
  if (secrets === undefined && options.needsSecrets) {
    throw new NoEmbeddedData(
      'it has a database but no secrets.json: restore the file from a backup, or set JWT_SECRET and JWT_REFRESH_SECRET ' +
        'to the values that the service uses',
      false,
    )
  }
  return { secrets }
}

async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') throw new NoEmbeddedData('the folder does not exist', true)
    if (code === 'ENOTDIR')
      throw new NoEmbeddedData('it is not a folder: set DATA_DIR to the data folder of the service', false)
    if (code === 'EACCES') {
      throw new NoEmbeddedData(`it cannot be read (${code}): run the command as the user who starts the service`, false)
    }
    throw new NoEmbeddedData(`it cannot be read (${code})`, false)
  }
}

async function refuseDataOfOthers(path: string): Promise<void> {
  const self = process.getuid?.()
  const { uid } = await stat(path)
  if (self === undefined || uid === self) return
  throw new NoEmbeddedData(
    `it belongs to uid ${uid}, not to uid ${self}: run the command as the user who starts the service`,
    false,
  )
}
