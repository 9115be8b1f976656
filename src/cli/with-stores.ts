import { resolve } from 'node:path'
import type { Config } from '../config/config.js'
import type { AuthContext } from '../domain/context.js'
import type { NewKeyOptions } from '../domain/keys/rotate-signing-key.js'
import { messageOf } from '../lib/error-facts.js'
import type { Database } from '../postgres/database.js'
import type { OpenStoresOptions, Stores } from '../server/open-stores.js'
import { awaitReceipt } from './await-receipt.js'
import { NoDatabase } from './exit-codes.js'
import { isJson, commandLog as log, say } from './output.js'

// The functions import what they need, so that the help and the version are printed without loading it.

/** The actor in the security events that commands cause. */
export const ACTOR = 'cli'

/** Reads the configuration. An action calls it, so an invalid command line is reported first. */
export type Configure = () => Promise<Config>

/** What commands need that change no session. */
export interface OpenedDatabase {
  db: Database
  config: Config
  keyOptions: NewKeyOptions
}

/** Opens the stores for one command, and closes them after it. */
export async function withDatabase(config: Config, command: (opened: OpenedDatabase) => Promise<void>): Promise<void> {
  const { deriveSecrets } = await import('../domain/keys/secrets.js')
  const { keyEncryptionKeys } = deriveSecrets(config)
  const keyOptions = { algorithm: config.algorithm, keyEncryptionKeys }
  await withStores(config, ({ db }) => command({ db, config, keyOptions }))
}

/** What commands need that only read. */
export type ReadingContext = Pick<AuthContext, 'db' | 'config' | 'activity' | 'locate' | 'background'>

/** Opens what a command needs to read: it makes no signing key and starts no periodic work. */
export async function withReading(config: Config, command: (context: ReadingContext) => Promise<void>): Promise<void> {
  const [{ Activity }, { createBackground }] = await Promise.all([
    import('../redis/activity.js'),
    import('../lib/background.js'),
  ])
  await withStores(config, async ({ db, ephemeral }) => {
    const activity = new Activity({ ephemeral, log, clock: Date.now })
    try {
      await command({ db, config, activity, locate: () => undefined, background: createBackground(log) })
    } finally {
      await activity.close()
    }
  })
}

/** Opens the context of the domain for one command, and closes it and the stores after it. */
export async function withContext(config: Config, command: (context: AuthContext) => Promise<void>): Promise<void> {
  const { openContext } = await import('../server/create-context.js')
  await withStores(config, async stores => {
    // Without the location database: no command signs anyone in, and a missing file must not prevent an emergency measure.
    const context = await openContext({ ...config, locationDatabase: undefined }, { ...stores, log, delivers: false })
    try {
      await command(context)
      await awaitReceipt(context)
    } finally {
      await context.close()
    }
  })
}

async function withStores(config: Config, work: (stores: Stores) => Promise<void>): Promise<void> {
  await nameDatabase(config)
  const stores = await openExisting(config, 'any')
  try {
    await work(stores)
  } finally {
    await stores.close()
  }
}

/**
 * Opens the stores as they are.
 *
 * @throws NoDatabase
 */
export async function openExisting(
  config: Config,
  existing: NonNullable<OpenStoresOptions['existing']>,
): Promise<Stores> {
  const { openStores } = await import('../server/open-stores.js')
  try {
    return await openStores(config, { log, existing })
  } catch (error) {
    throw new NoDatabase(messageOf(error), { cause: error })
  }
}

/** Says which database the command acts on. Programs that read JSON have chosen it, so stderr has only errors for them. */
export async function nameDatabase(config: Config): Promise<void> {
  if (isJson()) return
  const { withoutSecrets } = await import('../postgres/errors.js')
  const { url = '' } = config.database
  say(
    config.mode === 'embedded'
      ? `Database: the embedded Postgres in ${resolve(config.dataDir)}`
      : `Database: Postgres at ${withoutSecrets(url)}`,
  )
}
