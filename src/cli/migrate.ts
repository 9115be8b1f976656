import type { Config } from '../config/config.js'
import { migrateExternal, openStores } from '../server/open-stores.js'
import { commandLog as log } from './command-log.js'

/** `latchkey migrate`: brings the tables up to date. */
export async function migrateTables(config: Config): Promise<void> {
  if (config.mode === 'external') await migrateExternal(config, log)
  // An embedded database is brought up to date whenever it is opened.
  else await (await openStores(config, { log })).close()
  console.log('The tables are up to date.')
}
