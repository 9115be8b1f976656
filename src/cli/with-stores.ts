import type { Config } from '../config/config.js'
import type { AuthContext } from '../domain/context.js'
import type { NewKeyOptions } from '../domain/keys/rotate-signing-key.js'
import { deriveSecrets } from '../domain/keys/secrets.js'
import type { Database } from '../postgres/database.js'
import { openContext } from '../server/create-context.js'
import { openStores, type Stores } from '../server/open-stores.js'
import { commandLog as log } from './command-log.js'

/** Opens the stores for one command, and closes them after it. */
export async function withDatabase(
  config: Config,
  command: (opened: { db: Database; keyOptions: NewKeyOptions }) => Promise<void>,
): Promise<void> {
  const { keyEncryptionKeys } = deriveSecrets(config)
  await withStores(config, ({ db }) => command({ db, keyOptions: { algorithm: config.algorithm, keyEncryptionKeys } }))
}

/** Opens everything that the verbs of the domain work with, for one command. */
export async function withContext(config: Config, command: (context: AuthContext) => Promise<void>): Promise<void> {
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
  const stores = await openStores(config, { log, shareRunning: true })
  try {
    await work(stores)
  } finally {
    await stores.close()
  }
}
