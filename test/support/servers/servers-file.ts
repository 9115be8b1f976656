import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { acquireProcessLock, LockHeld, type ProcessIdentity } from '../../../src/embedded-postgres/process-lock.js'

/** The content of `.test-servers/servers.json`: the servers that all test files of this checkout share. */
export interface ServersFile {
  postgresUrl: string
  redisUrl: string
  /** The servers that the tests started, and have to end. */
  pids: ProcessIdentity[]
  containers: string[]
  /** Folders that are removed when the servers have ended. */
  folders: string[]
  /** The tap runners that use the servers; the last one to finish ends them. */
  users: ProcessIdentity[]
}

/** Contains servers.json and downloaded programs. Git ignores it. */
export const serversFolder = fileURLToPath(new URL('../../../.test-servers', import.meta.url))
const file = join(serversFolder, 'servers.json')

export async function readServersFile(): Promise<ServersFile | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as ServersFile
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

export async function writeServersFile(content: ServersFile): Promise<void> {
  const draft = `${file}.${process.pid}`
  await writeFile(draft, JSON.stringify(content, null, 2), { mode: 0o600 })
  await rename(draft, file)
}

export async function removeServersFile(): Promise<void> {
  await rm(file, { force: true })
}

/** Runs `change` while no other tap run of this checkout starts or ends servers. */
export async function withServersLock<T>(change: () => Promise<T>): Promise<T> {
  await mkdir(serversFolder, { recursive: true })
  for (;;) {
    try {
      const lock = await acquireProcessLock(join(serversFolder, 'lock'))
      try {
        return await change()
      } finally {
        await lock.release()
      }
    } catch (error) {
      if (!(error instanceof LockHeld)) throw error
    }
    await sleep(100)
  }
}
