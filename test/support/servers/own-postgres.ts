import { access, chmod, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { locateInstallation } from '../../../src/embedded-postgres/data-folder.js'
import { createInstallation, dataFolder, type Installation } from '../../../src/embedded-postgres/installation.js'
import { launchPostgres } from '../../../src/embedded-postgres/launch.js'
import { rootOwnedDirOf } from '../../../src/embedded-postgres/native-programs.js'
import { choosePrivateUser, startedByRoot } from '../../../src/embedded-postgres/server-user.js'
import { stopServer } from '../../../src/embedded-postgres/stop.js'
import { downloadDebianPackages, unpackDebianPackages } from './debian-packages.js'
import { quietLog } from './quiet-log.js'
import { withServersLock } from './servers-file.js'
import { THROWAWAY_SETTINGS } from './start-shared-servers.js'
import { makeThrowawayFolder } from './throwaway-folder.js'

/** A Postgres for one test alone, which may do anything to it. */
export interface OwnPostgres {
  /** The address of an empty database, as a superuser. */
  url: string
  version: 15 | 18
  pid: number
  /** Its data folder. */
  data: string
  stop(): Promise<void>
}

const INSTALLED_15 = '/usr/lib/postgresql/15/bin'

/** Starts a Postgres for this test alone; it ends with the test. 18 is the embedded one, 15 is Debian's. */
export async function startPostgres(t: Test, options: { version?: 15 | 18 } = {}): Promise<OwnPostgres> {
  const { version = 18 } = options
  const folder = await makeThrowawayFolder('latchkey-postgres-')
  // The programs of version 15 may be unpacked in it, and the user of the server must be able to read them.
  await chmod(folder, 0o711)
  const rootOwnedDir = await rootOwnedDirOf(folder)
  t.teardown(async () => {
    await rm(folder, { recursive: true, force: true })
    await rm(rootOwnedDir, { recursive: true, force: true })
  })

  const installation =
    version === 18 ? await locateInstallation(folder, quietLog()) : await locateInstallation15(folder)
  const localeArgs = version === 18 ? {} : { localeArgs: ['--locale=C.UTF-8'] }
  await createInstallation(installation, { sync: false, ...localeArgs })
  const logFile = join(folder, 'postgres.log')
  const { child, url } = await launchPostgres(installation, { logFile, settings: THROWAWAY_SETTINGS })
  // Teardowns run in reverse, this one before the folder goes.
  t.teardown(() => stopServer(child))
  return { url, version, pid: child.pid!, data: dataFolder(installation), stop: () => stopServer(child) }
}

async function locateInstallation15(folder: string): Promise<Installation> {
  const user = startedByRoot() ? await choosePrivateUser() : undefined
  const place = { folder: join(folder, 'postgres'), user }
  if (await exists(join(INSTALLED_15, 'initdb'))) return { ...place, binFolder: INSTALLED_15 }
  const packages = await withServersLock(() => downloadDebianPackages('postgresql-15'))
  if (packages === undefined) {
    throw new Error('This test needs Postgres 15: install postgresql-15 (Debian 12 and apt.postgresql.org have it).')
  }
  // A folder that the user of the server can read, even if the checkout is closed to other users.
  const unpacked = await unpackDebianPackages(packages, join(folder, 'programs'))
  const binFolder = join(unpacked.folder, INSTALLED_15)
  return { ...place, binFolder, libraryPath: unpacked.libraryPath }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
