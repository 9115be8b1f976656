import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, type FileHandle, mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Cluster, dataFolder, dataPath, passwordFile, ROLE, spawnOptions } from './cluster.js'
import { makeDraft } from './drafts.js'
import { endWithUs } from './end-with-us.js'
import { giveTree } from './own-tree.js'
import { borrowAccount } from './private-user.js'

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
  const folder = await makeDraft(cluster.folder)
  // The files are the server's when they are complete, and initdb's until then.
  const draft: Cluster = { ...cluster, folder, user: cluster.user && borrowAccount(cluster.user) }
  try {
    const password = randomBytes(32).toString('base64url')
    await writeFile(passwordFile(draft), password, { mode: 0o600 })
    await mkdir(dataFolder(draft), { mode: 0o700 })
    if (draft.user !== undefined) await chown(dataFolder(draft), draft.user.uid, draft.user.gid)
    await runInitdb(draft, password, [...localeArgs, ...(sync ? [] : ['--no-sync'])])
    await writeFile(
      join(dataFolder(draft), 'pg_hba.conf'),
      '# Nobody gets in without the password: trust would let every user of this machine run code as the server.\n' +
        'host all all 127.0.0.1/32 scram-sha-256\n',
    )
    if (cluster.user !== undefined) giveTree(dataFolder(draft), cluster.user, uid => uid === draft.user?.uid)
    await rename(folder, cluster.folder)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function runInitdb(draft: Cluster, password: string, args: readonly string[]): Promise<void> {
  const passwordInput = await openForInitdb(draft, password)
  const data = await open(dataFolder(draft))
  try {
    const child = spawn(
      join(draft.binFolder, 'initdb'),
      [
        `--pgdata=${dataPath(draft)}`,
        `--username=${ROLE}`,
        '--pwfile=/dev/stdin',
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--no-instructions',
        ...args,
      ],
      { ...spawnOptions(draft), stdio: [passwordInput.fd, 'pipe', 'pipe', data.fd] },
    )
    await once(child, 'spawn')
    endWithUs(child, draft.user)
    const [stdout, stderr, [code, signal]] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      once(child, 'close') as Promise<[number | null, string | null]>,
    ])
    if (code !== 0) throw new Error(`initdb failed with ${signal ?? `code ${code}`}:\n${(stdout + stderr).trim()}`)
  } finally {
    await data.close()
    await passwordInput.close()
  }
}

/** A file with no name any more: initdb gets to it through its input, and nothing of it is left behind. */
async function openForInitdb(draft: Cluster, password: string): Promise<FileHandle> {
  const path = join(draft.folder, 'initdb-password')
  const file = await open(path, 'wx+', 0o600)
  // At a position, which leaves the reader's own at the start.
  await file.write(password, 0)
  if (draft.user !== undefined) await file.chown(draft.user.uid, draft.user.gid)
  await rm(path)
  return file
}
