import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { downloadDebianPackages, unpackDebianPackages } from './debian-packages.js'
import { serversFolder, withServersLock } from './servers-file.js'

const run = promisify(execFile)
const BIN_FOLDER = '/usr/lib/postgresql/15/bin'

/** Runs `pg_dump` or `pg_restore` of version 15, installed or unpacked from Debian's package. */
export async function runPostgresClient(name: 'pg_dump' | 'pg_restore', args: readonly string[]): Promise<void> {
  const { folder, env } = await findPostgresClient(name)
  await run(join(folder, name), [...args], { env: { ...process.env, ...env } })
}

async function findPostgresClient(name: string): Promise<{ folder: string; env: NodeJS.ProcessEnv }> {
  const isInstalled = await access(join(BIN_FOLDER, name)).then(
    () => true,
    () => false,
  )
  if (isInstalled) return { folder: BIN_FOLDER, env: {} }
  return withServersLock(async () => {
    const packages = await downloadDebianPackages('postgresql-client-15')
    if (packages === undefined) throw new Error(`This test needs ${name} 15: install postgresql-client-15.`)
    const { folder, libraryPath } = await unpackDebianPackages(packages, join(serversFolder, 'postgresql-client-15'))
    return { folder: join(folder, BIN_FOLDER), env: { LD_LIBRARY_PATH: libraryPath } }
  })
}
