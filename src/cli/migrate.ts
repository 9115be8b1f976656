import type { Command } from 'commander'
import type { Config } from '../config/config.js'
import { withExamples } from './help.js'
import { commandLog as log, print, printResult } from './output.js'
import type { Configure } from './with-stores.js'

/** `latchkey migrate` */
export function addMigrateCommand(program: Command, configure: Configure): void {
  const command = program
    .command('migrate')
    .description('create the tables, or update them to this version')
    .action(async () => migrateTables(await configure()))
  withExamples(command, 'migrate')
}

async function migrateTables(config: Config): Promise<void> {
  const { migrateExternal, openStores } = await import('../server/open-stores.js')
  if (config.mode === 'external') await migrateExternal(config, log)
  // Opening the embedded database always updates its tables.
  else await (await openStores(config, { log })).close()
  printResult({ tables: 'up_to_date' }, () => print('The tables are up to date.'))
}
