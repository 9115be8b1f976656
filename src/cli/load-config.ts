import { resolve } from 'node:path'
import { chooseMode } from '../config/choose-mode.js'
import { type Config, readConfig } from '../config/config.js'
import { isSet, readVariable } from '../config/read-settings.js'
import { processSettings } from '../config/settings/process.js'
import { NoEmbeddedData, readExistingData } from '../embedded-postgres/existing-data.js'
import { type EmbeddedSecrets, ensureEmbeddedSecrets } from '../embedded-postgres/secrets.js'
import { codeOf } from '../lib/error-facts.js'
import { NoDatabase } from './exit-codes.js'

export interface LoadOptions {
  /** Whether `--embedded` was given. */
  embedded: boolean
  /** Whether the command may create the data folder: only `serve` and `migrate` may. */
  mayCreate: boolean
}

const SECRETS = ['JWT_SECRET', 'JWT_REFRESH_SECRET'] as const

/**
 * Reads the configuration. In embedded mode, secrets that are not set are those of the data folder. They are generated
 * once, so that the first start needs no secrets.
 *
 * @throws ConfigError that lists every error
 * @throws NoDatabase if the data folder has no data and the command may not create it
 */
export async function loadConfig(env: NodeJS.ProcessEnv, options: LoadOptions): Promise<Config> {
  const { mode, problems } = chooseMode(env, options)
  if (mode === 'external' || problems.length > 0) return readConfig(env, options)
  const dataDir = readVariable(env, 'DATA_DIR').text ?? processSettings.dataDir.default
  const secrets = options.mayCreate ? await embeddedSecrets(dataDir) : await existingSecrets(env, dataDir, options)
  const unset = Object.entries(secrets).filter(([name]) => !isSet(env, name))
  return readConfig({ ...env, ...Object.fromEntries(unset) }, options)
}

async function embeddedSecrets(dataDir: string): Promise<EmbeddedSecrets> {
  try {
    return await ensureEmbeddedSecrets(dataDir)
  } catch (error) {
    const code = codeOf(error)
    if (code === '') throw error
    throw new Error(
      `The data folder ${dataDir} cannot be used (${code}): set DATA_DIR to a folder that this user can write to.`,
      { cause: error },
    )
  }
}

async function existingSecrets(
  env: NodeJS.ProcessEnv,
  dataDir: string,
  { embedded }: LoadOptions,
): Promise<Partial<EmbeddedSecrets>> {
  try {
    const needsSecrets = !SECRETS.every(name => isSet(env, name))
    return (await readExistingData(dataDir, { needsSecrets })).secrets ?? {}
  } catch (error) {
    if (!(error instanceof NoEmbeddedData)) throw error
    throw new NoDatabase(embedded ? givenReason(error, dataDir) : unsetReason(error, dataDir), { cause: error })
  }
}

/** `--embedded` was given, so the database is not elsewhere. */
function givenReason({ message, isAbsent }: NoEmbeddedData, dataDir: string): string {
  if (!isAbsent) return `The embedded data in ${resolve(dataDir)} cannot be used: ${message}.`
  return (
    `With --embedded, this command looks for data in ${resolve(dataDir)}, and there is none: ${message}. Run it in the ` +
    'folder of the service, or set DATA_DIR. "latchkey serve --embedded" creates new data.'
  )
}

function unsetReason({ message, isAbsent }: NoEmbeddedData, dataDir: string): string {
  const looks = `DATABASE_URL is not set, so this command looks for embedded data in ${resolve(dataDir)}`
  if (!isAbsent) return `${looks}, which cannot be used: ${message}.`
  return (
    `${looks}, and there is none: ${message}. Export DATABASE_URL and REDIS_URL, or run the command in the folder of ` +
    'the service, or set DATA_DIR. "latchkey serve" creates new data.'
  )
}
