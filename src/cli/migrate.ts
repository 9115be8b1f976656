import type { Command } from 'commander'
import type { Config } from '../config/config.js'
import { commandLog as log, print } from './output.js'
import type { Configure } from './with-stores.js'

/** `latchkey migrate` */
export function addMigrateCommand(program: Command, configure: Configure): void {
  program
    .command('migrate')
    .description('bring the tables up to date and end')
    .action(async () => migrateTables(await configure()))
}

async function migrateTables(config: Config): Promise<void> {
  const { migrateExternal, openStores } = await import('../server/open-stores.js')
  if (config.mode === 'external') await migrateExternal(config, log)
  // An embedded database is brought up to date whenever it is opened.
  else await (await openStores(config, { log })).close()
  print('The tables are up to date.')
}
