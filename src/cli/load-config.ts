import { chooseMode } from '../config/choose-mode.js'
import { type Config, readConfig } from '../config/config.js'
import { isSet, readVariable } from '../config/read-settings.js'
import { processSettings } from '../config/settings/process.js'
import { type EmbeddedSecrets, ensureEmbeddedSecrets } from '../embedded-postgres/secrets.js'
import { codeOf } from '../lib/error-facts.js'

/**
 * Reads the configuration. In embedded mode, secrets that are not set are generated once and stored in the data folder,
 * so that the first start needs no secrets.
 *
 * @throws ConfigError that lists every error
 */
export async function loadConfig(env: NodeJS.ProcessEnv, options: { embedded: boolean }): Promise<Config> {
  const { mode, problems } = chooseMode(env, options)
  if (mode === 'external' || problems.length > 0) return readConfig(env, options)
  const generated = await embeddedSecrets(readVariable(env, 'DATA_DIR').text ?? processSettings.dataDir.default)
  const unset = Object.entries(generated).filter(([name]) => !isSet(env, name))
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
