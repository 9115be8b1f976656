import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Cluster, dataFolder, passwordFile, ROLE, spawnOptions } from './cluster.js'
import { endWithUs } from './end-with-us.js'

export interface InitialiseOptions {
  /** Off is for tests only: a cluster that a power cut may ruin, made in half the time. */
  sync?: boolean
  /** How text sorts and folds. The default needs Postgres 17 and is the same on every machine. */
  localeArgs?: readonly string[]
}

const BUILTIN_LOCALE = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']

/**
 * Makes a new cluster with a generated password. Everything happens in a draft folder beside its place and is renamed
 * at the end, so a process killed on the way leaves no half-made cluster, only a draft that the next start removes.
 */
export async function initialiseCluster(cluster: Cluster, options: InitialiseOptions = {}): Promise<void> {
  const { sync = true, localeArgs = BUILTIN_LOCALE } = options
  await removeDrafts(cluster.folder)
  const draft: Cluster = { ...cluster, folder: await mkdtemp(`${cluster.folder}.new-`) }
  try {
    // Root keeps the folder and lets the server's user through to the data.
    await chmod(draft.folder, cluster.user === undefined ? 0o700 : 0o711)
    const password = randomBytes(32).toString('base64url')
    await writeFile(passwordFile(draft), password, { mode: 0o600 })
    await mkdir(dataFolder(draft), { mode: 0o700 })
    await giveTo(draft, dataFolder(draft))
    await runInitdb(draft, password, [...localeArgs, ...(sync ? [] : ['--no-sync'])])
    await writeFile(
      join(dataFolder(draft), 'pg_hba.conf'),
      '# Nobody gets in without the password: trust would let every user of this machine run code as the server.\n' +
        'host all all 127.0.0.1/32 scram-sha-256\n',
    )
    await rename(draft.folder, cluster.folder)
  } catch (error) {
    await rm(draft.folder, { recursive: true, force: true })
    throw error
  }
}

async function runInitdb(draft: Cluster, password: string, args: readonly string[]): Promise<void> {
  const pwfile = join(draft.folder, 'initdb-password')
  await writeFile(pwfile, password, { mode: 0o600, flag: 'wx' })
  try {
    await giveTo(draft, pwfile)
    await new Promise<void>((resolve, reject) => {
      const child = execFile(
        join(draft.binFolder, 'initdb'),
        [
          `--pgdata=${dataFolder(draft)}`,
          `--username=${ROLE}`,
          `--pwfile=${pwfile}`,
          '--auth=scram-sha-256',
          '--encoding=UTF8',
          '--no-instructions',
          ...args,
        ],
        spawnOptions(draft),
        (error, stdout, stderr) => {
          if (error === null) resolve()
          else reject(new Error(`initdb failed:\n${(stdout + stderr).trim() || error.message}`, { cause: error }))
        },
      )
      if (child.pid !== undefined) endWithUs(child, draft.user)
    })
  } finally {
    await rm(pwfile, { force: true })
  }
}

async function giveTo(cluster: Cluster, path: string): Promise<void> {
  if (cluster.user !== undefined) await chown(path, cluster.user.uid, cluster.user.gid)
}

async function removeDrafts(folder: string): Promise<void> {
  for (const name of await readdir(dirname(folder))) {
    if (!name.startsWith(`${basename(folder)}.new-`)) continue
    // The initdb of a process killed a moment ago may still be writing there.
    await rm(join(dirname(folder), name), { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}
