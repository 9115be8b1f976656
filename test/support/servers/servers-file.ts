import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ProcessIdentity } from '../../../src/embedded-postgres/process-lock.js'
import { whileLocked } from '../while-locked.js'

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

/** Contains servers.json, downloaded programs and packages as they are published. Git ignores it. */
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
  return whileLocked(join(serversFolder, 'lock'), change)
}
