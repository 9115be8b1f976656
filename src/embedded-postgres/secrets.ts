import { randomBytes } from 'node:crypto'
import { link, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../lib/error-facts.js'
import { makeDataDir } from './data-folder.js'

export interface EmbeddedSecrets {
  JWT_SECRET: string
  JWT_REFRESH_SECRET: string
}

const SECRET_BYTES = 48
const MIN_BYTES = 32

/**
 * Returns the secrets of an embedded instance. They are generated at its first start and never change.
 *
 * @throws if the file is damaged: overwriting it would sign out all users and lose the sealed signing keys
 */
export async function ensureEmbeddedSecrets(dataDir: string): Promise<EmbeddedSecrets> {
  const path = join(await makeDataDir(dataDir), 'secrets.json')
  return (await readSecrets(path)) ?? (await createSecrets(path))
}

/**
 * Returns the secrets of an existing data folder; undefined if it has none.
 *
 * @throws if the file is damaged
 */
export function readEmbeddedSecrets(dataDir: string): Promise<EmbeddedSecrets | undefined> {
  return readSecrets(join(dataDir, 'secrets.json'))
}

async function readSecrets(path: string): Promise<EmbeddedSecrets | undefined> {
  try {
    return parseSecrets(await readFile(path, 'utf8'))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new Error(
      `${path} does not contain the two secrets of this instance. Restore it from a backup, or delete its folder ` +
        'to start with an empty database.',
      { cause: error },
    )
  }
}

/** Creates the complete file in one step. Never replaces a file that another process has created meanwhile. */
async function createSecrets(path: string): Promise<EmbeddedSecrets> {
  const secrets = { JWT_SECRET: generate(), JWT_REFRESH_SECRET: generate() }
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(secrets, null, 2)}\n`)
    await file.sync()
    await link(temporary, path)
    return secrets
  } catch (error) {
    const existing = codeOf(error) === 'EEXIST' ? await readSecrets(path) : undefined
    if (existing === undefined) throw error
    return existing
  } finally {
    await file.close()
    await rm(temporary, { force: true })
  }
}

function parseSecrets(text: string): EmbeddedSecrets {
  const { JWT_SECRET, JWT_REFRESH_SECRET } = JSON.parse(text) as Partial<EmbeddedSecrets>
  if (!isSecret(JWT_SECRET) || !isSecret(JWT_REFRESH_SECRET)) throw new Error('A secret is missing or too short.')
  return { JWT_SECRET, JWT_REFRESH_SECRET }
}

const isSecret = (value: unknown): value is string => typeof value === 'string' && Buffer.byteLength(value) >= MIN_BYTES

const generate = () => randomBytes(SECRET_BYTES).toString('base64url')
