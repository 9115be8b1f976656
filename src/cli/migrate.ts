import type { Command } from 'commander'
import type { Config } from '../config/config.js'
import { commandLog as log, print } from './output.js'
import type { Configure } from './with-stores.js'

/** `latchkey migrate` */
export function addMigrateCommand(program: Command, configure: Configure): void {
  program
    .command('migrate')
    .description('update the tables to this version')
    .action(async () => migrateTables(await configure()))
}

async function migrateTables(config: Config): Promise<void> {
  const { migrateExternal, openStores } = await import('../server/open-stores.js')
  if (config.mode === 'external') await migrateExternal(config, log)
  // Opening the embedded database always updates its tables.
  else await (await openStores(config, { log })).close()
  print('The tables are up to date.')
}
