import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, type FileHandle, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { codeOf, messageOf } from '../lib/error-facts.js'
import { changeOwner, chooseInitdbUser, type ServerUser, syncToDisk } from './server-user.js'
import { stopWithParent } from './stop.js'

/** One Postgres on disk: its programs, its data, and the user that it runs as. */
export interface Installation {
  /** Contains the data and the password. No other user can open it. It is renamed into place when both are complete. */
  folder: string
  /** Contains `initdb` and `postgres`. */
  binFolder: string
  /** Undefined: the user of this process. */
  user: ServerUser | undefined
  /** Where the programs find libraries that are not on the default path. */
  libraryPath?: string
}

/** The name of the only role and of the only database. */
export const ROLE = 'latchkey'

export const dataFolder = ({ folder }: Pick<Installation, 'folder'>) => join(folder, 'data')
export const passwordFile = ({ folder }: Pick<Installation, 'folder'>) => join(folder, 'password')

/** The file descriptor of the open data folder that both programs inherit. */
const DATA_DESCRIPTOR = 3

/**
 * The path of the data that both programs get. A user of its own cannot reach the data by its real path: `folder` is
 * closed to it, and the folders above may be. It reaches the data only through the descriptor that root has opened.
 */
export const dataPath = (installation: Installation) =>
  installation.user === undefined ? dataFolder(installation) : `/proc/self/fd/${DATA_DESCRIPTOR}`

/** Options to spawn both programs with: their user, and an environment without PG* variables and our secrets. */
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
  /** Tests turn it off: it is faster, but a power failure may destroy the data. */
  sync?: boolean
  /** Sort order and case conversion of text. The default needs Postgres 17 and is the same on every machine. */
  localeArgs?: readonly string[]
  /** Called when initdb runs. */
  onSpawned?: (() => void) | undefined
}

const BUILTIN_LOCALE = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']

/**
 * Creates an installation with a generated password. The files are written to a temporary folder beside it, which is
 * renamed at the end. So a process that is killed meanwhile leaves only a temporary folder, which the next start removes.
 */
export async function createInstallation(
  installation: Installation,
  options: CreateInstallationOptions = {},
): Promise<void> {
  const { sync = true, localeArgs = BUILTIN_LOCALE, onSpawned } = options
  const folder = await makeTemporaryFolder(installation.folder)
  // The files belong to the user of initdb until they are complete, and then to the user of the server.
  const temporary: Installation = {
    ...installation,
    folder,
    user: installation.user && chooseInitdbUser(installation.user),
  }
  try {
    const password = randomBytes(32).toString('base64url')
    await writeFile(passwordFile(temporary), password, { mode: 0o600 })
    await mkdir(dataFolder(temporary), { mode: 0o700 })
    if (temporary.user !== undefined) await chown(dataFolder(temporary), temporary.user.uid, temporary.user.gid)
    await runInitdb(temporary, password, [...localeArgs, '--no-sync'], onSpawned)
    await writeFile(
      join(dataFolder(temporary), 'pg_hba.conf'),
      '# A password is always required: with trust, every user of this machine could run code as the server.\n' +
        'host all all 127.0.0.1/32 scram-sha-256\n',
    )
    if (installation.user !== undefined)
      changeOwner(dataFolder(temporary), installation.user, uid => uid === temporary.user?.uid)
    if (sync) await syncToDisk(folder)
    await rename(folder, installation.folder)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    if (codeOf(error) === 'EBUSY')
      throw new Error(`${installation.folder} is a mount point: mount the volume at the folder of DATA_DIR instead.`, {
        cause: error,
      })
    if (!/ENOSPC|No space left/.test(messageOf(error))) throw error
    throw new Error(
      `The disk of the data folder ${dirname(installation.folder)} is full: free some space, or set DATA_DIR to a folder ` +
        'on another disk.',
      { cause: error },
    )
  }
}

async function runInitdb(
  temporary: Installation,
  password: string,
  args: readonly string[],
  onSpawned?: () => void,
): Promise<void> {
  const passwordInput = await openPasswordFile(temporary, password)
  const data = await open(dataFolder(temporary))
  try {
    const child = spawn(
      join(temporary.binFolder, 'initdb'),
      [
        `--pgdata=${dataPath(temporary)}`,
        `--username=${ROLE}`,
        '--pwfile=/dev/stdin',
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--no-instructions',
        ...args,
      ],
      { ...spawnOptions(temporary), stdio: [passwordInput.fd, 'pipe', 'pipe', data.fd] },
    )
    await once(child, 'spawn')
    stopWithParent(child, temporary.user)
    onSpawned?.()
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

/** Opens a file with the password, and deletes its name: only initdb can read it, through its standard input. */
async function openPasswordFile(temporary: Installation, password: string): Promise<FileHandle> {
  const path = join(temporary.folder, 'initdb-password')
  const file = await open(path, 'wx+', 0o600)
  // With an explicit position, so that initdb reads from the start of the file.
  await file.write(password, 0)
  if (temporary.user !== undefined) await file.chown(temporary.user.uid, temporary.user.gid)
  await rm(path)
  return file
}

/** The end of the name of a temporary folder. A folder that a person makes, such as `postgres.new-backup`, has another. */
const TEMPORARY = /^\d+-[0-9a-f]{12}$/

/**
 * Creates an empty folder beside `folder` that no other user can open. The caller fills it and then renames it to
 * `folder`. Removes the temporary folders of processes that were killed.
 */
export async function makeTemporaryFolder(folder: string): Promise<string> {
  const prefix = `${basename(folder)}.new-`
  for (const name of await readdir(dirname(folder))) {
    if (!name.startsWith(prefix) || !TEMPORARY.test(name.slice(prefix.length))) continue
    // The initdb of a process that was just killed may still be writing there.
    await rm(join(dirname(folder), name), { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
  const temporary = `${folder}.new-${process.pid}-${randomBytes(6).toString('hex')}`
  await mkdir(temporary, { mode: 0o700 })
  return temporary
}
