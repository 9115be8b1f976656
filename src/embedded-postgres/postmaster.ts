import { readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { dataFolder, passwordFile, ROLE } from './installation.js'
import { commandLine, identifyProcess, type ProcessIdentity } from './process-identity.js'

/** What a Postgres says of itself in the `postmaster.pid` of its data folder. Only the data's owner can write there. */
export interface Postmaster {
  pid: number
  port: number
  /** It has its port and takes connections. */
  isReady: boolean
  /** Key and id of its System V memory, which all of its processes hold. */
  memory: string
}

const postmasterFile = (data: string) => join(data, 'postmaster.pid')

export async function readPostmaster(data: string): Promise<Postmaster | undefined> {
  const text = await readFile(postmasterFile(data), 'utf8').catch(() => '')
  // Its lines: pid, folder, start time, port, socket folder, listening address, shared memory, state.
  const [pid, , , port, , , memory = '', state = ''] = text.split('\n')
  if (!(Number(pid) > 0)) return undefined
  return { pid: Number(pid), port: Number(port), isReady: state.trim() === 'ready', memory: memory.trim() }
}

/** The mark in the command line of a server that does not name its data folder there otherwise. */
export const folderSetting = (data: string) => `latchkey.data=${data}`

/** The server that was last started on this cluster folder; `process` is undefined if it has ended. */
export async function findServer(folder: string) {
  const data = await realpath(dataFolder({ folder })).catch(() => undefined)
  const postmaster = data === undefined ? undefined : await readPostmaster(data)
  if (data === undefined || postmaster === undefined) return undefined
  return { ...postmaster, file: postmasterFile(data), process: identifyServer(postmaster, data) }
}

/** The server of this file as a running process; undefined if it has ended, its pid being another program's by now. */
function identifyServer({ pid }: Postmaster, data: string): ProcessIdentity | undefined {
  const line = commandLine(pid)
  const isOurs = [`/postgres -D ${data} -c `, ` -c ${folderSetting(data)} `].some(part => line.includes(part))
  return isOurs ? identifyProcess(pid) : undefined
}

const MEMORY_PATIENCE_MS = 10_000

/**
 * Waits for the last processes of a server that was killed, which end by themselves. Postgres finds out about them by
 * the memory that they hold, but not once the data has another owner.
 *
 * @throws if they do not end
 */
export async function waitUntilMemoryIsFree({ memory }: Postmaster): Promise<void> {
  const deadline = Date.now() + MEMORY_PATIENCE_MS
  while (await isAttached(memory)) {
    if (Date.now() > deadline) {
      throw new Error(
        `Processes of a Postgres that was killed still run. \`ipcs -mp\` names them by key and id ${memory}.`,
      )
    }
    await sleep(20)
  }
}

async function isAttached(memory: string): Promise<boolean> {
  const table = await readFile('/proc/sysvipc/shm', 'utf8').catch(() => '')
  const lines = table.split('\n').map(line => line.trim().split(/\s+/))
  // Its columns: key, id, permissions, size, creator, last user, how many processes hold it.
  return lines.some(([key, id, , , , , holders]) => `${key} ${id}` === memory.replace(/\s+/, ' ') && holders !== '0')
}

/** A first start may have to initialise the cluster. */
const CONNECT_PATIENCE_MS = 15_000
const INTERVAL_MS = 50

/**
 * The address of the Postgres that another process of ours runs on this data folder, as soon as it takes connections.
 * Only a process that may read the folder gets the password.
 */
export async function connectToRunning(dataDir: string): Promise<string> {
  const deadline = Date.now() + CONNECT_PATIENCE_MS
  for (;;) {
    const url = await addressOf(join(dataDir, 'postgres'))
    if (url !== undefined) return url
    if (Date.now() > deadline) throw new Error(`The Postgres in ${dataDir} is not ready. Look at its postgres.log.`)
    await sleep(INTERVAL_MS)
  }
}

async function addressOf(folder: string): Promise<string | undefined> {
  const server = await findServer(folder)
  // The port of a server that has ended may be somebody else's by now, who would be told the password.
  if (server?.process === undefined || !server.isReady) return undefined
  const password = await readFile(passwordFile({ folder }), 'utf8')
  return `postgres://${ROLE}:${password}@127.0.0.1:${server.port}/${ROLE}`
}
