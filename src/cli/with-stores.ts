import type { Config } from '../config/config.js'
import type { AuthContext } from '../domain/context.js'
import type { NewKeyOptions } from '../domain/keys/rotate-signing-key.js'
import type { Database } from '../postgres/database.js'
import type { Stores } from '../server/open-stores.js'
import { commandLog as log } from './output.js'

// The imports are inside of the functions, so that the help and the version are printed without loading all this.

/** The events of the commands name this as the one who did it. */
export const ACTOR = 'cli'

/** Reads the configuration, once a command is known to be valid. */
export type Configure = () => Promise<Config>

/** Opens the stores for one command, and closes them after it. */
export async function withDatabase(
  config: Config,
  command: (opened: { db: Database; keyOptions: NewKeyOptions }) => Promise<void>,
): Promise<void> {
  const { deriveSecrets } = await import('../domain/keys/secrets.js')
  const { keyEncryptionKeys } = deriveSecrets(config)
  await withStores(config, ({ db }) => command({ db, keyOptions: { algorithm: config.algorithm, keyEncryptionKeys } }))
}

/** Opens everything that the verbs of the domain work with, for one command. */
export async function withContext(config: Config, command: (context: AuthContext) => Promise<void>): Promise<void> {
  const { openContext } = await import('../server/create-context.js')
  await withStores(config, async stores => {
    // Nobody signs in by a command, and what is needed in an emergency must not wait for a file.
    const context = await openContext({ ...config, locationDatabase: undefined }, { ...stores, log })
    try {
      await command(context)
    } finally {
      await context.close()
    }
  })
}

async function withStores(config: Config, work: (stores: Stores) => Promise<void>): Promise<void> {
  const { openStores } = await import('../server/open-stores.js')
  const stores = await openStores(config, { log, shareRunning: true })
  try {
    await work(stores)
  } finally {
    await stores.close()
  }
}
