import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { Config } from '../config/config.js'
import { codeOf } from '../lib/error-facts.js'
import type { Migrated } from '../postgres/migrate.js'
import { NoDatabase } from './exit-codes.js'
import { withExamples } from './help.js'
import { commandLog as log, print, printResult, say } from './output.js'
import { type Configure, nameDatabase } from './with-stores.js'

/** `latchkey migrate` */
export function addMigrateCommand(program: Command, configure: Configure): void {
  const command = program
    .command('migrate')
    .description('create the tables, or update them to this version; in embedded mode also create the data folder')
    .action(async () => {
      const config = await configure()
      if (config.mode === 'external') await migrateExternal(config)
      else await migrateEmbedded(config, program.opts().embedded === true)
    })
  withExamples(command, 'migrate', 'migrate --json')
}

async function migrateExternal(config: Config): Promise<void> {
  const { url, migrationUrl = url } = config.database
  await nameDatabase({ ...config, database: { ...config.database, url: migrationUrl } })
  const { migrateExternal } = await import('../server/open-stores.js')
  let migrated = NOTHING
  const onMigrated = (done: Migrated) => {
    migrated = done
  }
  await migrateExternal(config, log, onMigrated).catch(rethrowAsNoDatabase)
  report(migrated)
}

/** A wrong password, a rejected user, a database that does not exist. */
const NO_ACCESS = new Set(['28P01', '28000', '3D000'])

async function rethrowAsNoDatabase(error: Error): Promise<never> {
  const { isNotReadyYet } = await import('../postgres/errors.js')
  const hasDatabase = !isNotReadyYet(error.cause) && !NO_ACCESS.has(codeOf(error.cause))
  throw hasDatabase ? error : new NoDatabase(error.message, { cause: error })
}

/** @param isChosen whether `--embedded` was given, so the operator does not mean another database */
async function migrateEmbedded(config: Config, isChosen: boolean): Promise<void> {
  await nameDatabase(config)
  const folder = resolve(config.dataDir)
  // The folder itself has secrets by now.
  const isFirst = !existsSync(join(folder, 'postgres'))
  if (isFirst && !isChosen) {
    say(
      `DATABASE_URL is not set, so this command creates an embedded Postgres in ${folder}. ` +
        'To migrate another database, export DATABASE_URL and REDIS_URL.',
    )
  }
  const { openStores } = await import('../server/open-stores.js')
  let migrated = NOTHING
  // Opening the embedded database always updates its tables.
  const onMigrated = (done: Migrated) => {
    migrated = done
  }
  await (await openStores(config, { log, onMigrated })).close()
  report(migrated, isFirst && migrated.isNew ? folder : undefined)
}

const NOTHING: Migrated = { applied: 0, isNew: false }

function report({ applied, isNew }: Migrated, createdFolder?: string): void {
  const tables = isNew ? 'created' : applied > 0 ? 'updated' : 'up_to_date'
  printResult({ tables, migrations: applied, created_data_folder: createdFolder ?? null }, () => {
    if (createdFolder !== undefined) print(`Created the embedded Postgres in ${createdFolder}.`)
    if (isNew) print('Created the tables.')
    else if (applied > 0) print(`Updated the tables: ${applied} ${applied === 1 ? 'migration' : 'migrations'}.`)
    else print('The tables are up to date.')
  })
}
