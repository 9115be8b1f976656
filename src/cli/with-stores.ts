import type { Config } from '../config/config.js'
import type { AuthContext } from '../domain/context.js'
import type { NewKeyOptions } from '../domain/keys/rotate-signing-key.js'
import type { Database } from '../postgres/database.js'
import type { Stores } from '../server/open-stores.js'
import { commandLog as log } from './output.js'

// The functions import what they need, so that the help and the version are printed without loading it.

/** The actor in the security events that commands cause. */
export const ACTOR = 'cli'

/** Reads the configuration. An action calls it, so an invalid command line is reported first. */
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

/** Opens the context of the domain for one command, and closes it and the stores after it. */
export async function withContext(config: Config, command: (context: AuthContext) => Promise<void>): Promise<void> {
  const { openContext } = await import('../server/create-context.js')
  await withStores(config, async stores => {
    // Without the location database: no command signs anyone in, and a missing file must not prevent an emergency measure.
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
