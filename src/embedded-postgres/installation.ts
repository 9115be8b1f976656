import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, type FileHandle, mkdir, mkdtemp, open, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { changeOwner, chooseInitdbUser, type ServerUser } from './server-user.js'
import { stopWithParent } from './stop.js'

/** Where one Postgres lives: its programs, its data, and whom it runs as. */
export interface Installation {
  /** Holds the data and the password, and is closed to everybody else; it appears as a whole when both are complete. */
  folder: string
  /** Holds `initdb` and `postgres`. */
  binFolder: string
  /** Undefined runs it as ourselves. */
  user: ServerUser | undefined
  /** Where the programs find libraries that they do not find by themselves. */
  libraryPath?: string
}

/** The one role and the one database. */
export const ROLE = 'latchkey'

export const dataFolder = ({ folder }: Pick<Installation, 'folder'>) => join(folder, 'data')
export const passwordFile = ({ folder }: Pick<Installation, 'folder'>) => join(folder, 'password')

/** The descriptor by which both programs are given their data folder, open. */
const DATA_DESCRIPTOR = 3

/**
 * What the programs are told of where the data is. A user of its own has no way to it by its path, as every folder above
 * may be closed, and `folder` always is. It gets there by the open folder alone that root hands it.
 */
export const dataPath = (installation: Installation) =>
  installation.user === undefined ? dataFolder(installation) : `/proc/self/fd/${DATA_DESCRIPTOR}`

/** How both programs are spawned: as their user, and blind to PG* variables and secrets in our environment. */
export function spawnOptions(installation: Installation) {
  return {
    cwd: '/',
    env: {
      LC_ALL: 'C',
      PATH: '/usr/bin:/bin',
      ...(installation.libraryPath === undefined ? {} : { LD_LIBRARY_PATH: installation.libraryPath }),
    },
    ...installation.user,
  }
}

export interface CreateInstallationOptions {
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
export async function createInstallation(
  installation: Installation,
  options: CreateInstallationOptions = {},
): Promise<void> {
  const { sync = true, localeArgs = BUILTIN_LOCALE } = options
  const folder = await makeTemporaryFolder(installation.folder)
  // The files are the server's when they are complete, and initdb's until then.
  const draft: Installation = {
    ...installation,
    folder,
    user: installation.user && chooseInitdbUser(installation.user),
  }
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
    if (installation.user !== undefined)
      changeOwner(dataFolder(draft), installation.user, uid => uid === draft.user?.uid)
    await rename(folder, installation.folder)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function runInitdb(draft: Installation, password: string, args: readonly string[]): Promise<void> {
  const passwordInput = await openPasswordFile(draft, password)
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
    stopWithParent(child, draft.user)
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
async function openPasswordFile(draft: Installation, password: string): Promise<FileHandle> {
  const path = join(draft.folder, 'initdb-password')
  const file = await open(path, 'wx+', 0o600)
  // At a position, which leaves the reader's own at the start.
  await file.write(password, 0)
  if (draft.user !== undefined) await file.chown(draft.user.uid, draft.user.gid)
  await rm(path)
  return file
}

/**
 * Makes an empty folder beside the place of a cluster, closed to everybody else, to be renamed into that place when it
 * is complete. Drafts of processes that were killed go.
 */
export async function makeTemporaryFolder(folder: string): Promise<string> {
  for (const name of await readdir(dirname(folder))) {
    if (!name.startsWith(`${basename(folder)}.new-`)) continue
    // The initdb of a process killed a moment ago may still be writing there.
    await rm(join(dirname(folder), name), { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
  return mkdtemp(`${folder}.new-`)
}
