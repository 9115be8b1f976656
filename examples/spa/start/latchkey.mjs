import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { environment, folder } from './processes.mjs'

const repository = resolve(folder, '../..')

/** The program `latchkey`. */
export const LATCHKEY = join(repository, 'dist/cli.js')

/** Compiles Latchkey and its packages in this repository, if they are not a build of their sources. */
export async function buildPackages() {
  if (!existsSync(join(repository, 'node_modules/vite'))) {
    throw new Error(`Packages are not installed: run "npm ci" in ${repository}, and then start again.`)
  }
  const { buildFast } = await import(join(repository, 'scripts/dist.mjs'))
  await buildFast()
}

/**
 * The credentials of a service that follows the revocations. They are shown once, when the client is created, so they
 * are kept beside the database.
 */
export async function createClientOnce(name, dataDir) {
  const file = resolve(folder, dataDir, `client-${name}.json`)
  if (existsSync(file)) return JSON.parse(await readFile(file, 'utf8'))
  const args = [LATCHKEY, 'clients', 'create', name, '--scope', 'revocations', '--json']
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: folder,
    env: environment({ DATA_DIR: dataDir }),
  })
  await writeFile(file, stdout, { mode: 0o600 })
  return JSON.parse(stdout)
}
