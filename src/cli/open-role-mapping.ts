import { isUtf8 } from 'node:buffer'
import { readFile } from 'node:fs/promises'
import { type RoleMapping, readRoleMapping } from '../domain/import/role-mapping.js'

/** Room for some ten thousand roles. */
const MAX_BYTES = 1_048_576

/**
 * Reads the file of a role mapping.
 *
 * @throws Error, written for the operator, that names the file and what is wrong with it
 */
export async function openRoleMapping(path: string): Promise<RoleMapping> {
  const fault = (what: string) => new Error(`The role mapping ${path} can't be used: ${what}`)
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw fault(`it can't be read (${(error as NodeJS.ErrnoException).code}).`)
  }
  if (bytes.length > MAX_BYTES) throw fault(`it has more than ${MAX_BYTES} bytes.`)
  if (!isUtf8(bytes)) throw fault('it is not UTF-8.')
  try {
    // Some editors mark the beginning of a file.
    return readRoleMapping(bytes.toString('utf8').replace(/^\uFEFF/, ''))
  } catch (error) {
    throw fault((error as Error).message)
  }
}
