import { readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { dataFolder, passwordFile, ROLE } from './installation.js'
import { commandLine, identifyProcess, type ProcessIdentity } from './process-lock.js'

/** The first start of the other process may still be creating the database. */
const CONNECT_TIMEOUT_MS = 15_000
const CONNECT_INTERVAL_MS = 50
const MEMORY_TIMEOUT_MS = 10_000
const MEMORY_INTERVAL_MS = 20

/**
 * Returns the address of the Postgres that another Latchkey process runs on this data folder, as soon as it accepts
 * connections. Only a process that can read the folder gets the password.
 */
export async function connectToRunning(dataDir: string): Promise<string> {
  const deadline = Date.now() + CONNECT_TIMEOUT_MS
  for (;;) {
    const url = await addressOf(join(dataDir, 'postgres'))
    if (url !== undefined) return url
    if (Date.now() > deadline) throw new Error(`The Postgres in ${dataDir} is not ready. Read its postgres.log.`)
    await sleep(CONNECT_INTERVAL_MS)
  }
}

async function addressOf(folder: string): Promise<string | undefined> {
  const server = await findServer(folder)
  // After a server has ended, another program may use its port, and would receive the password.
  if (server?.process === undefined || !server.isReady) return undefined
  const password = await readFile(passwordFile({ folder }), 'utf8')
  return `postgres://${ROLE}:${password}@127.0.0.1:${server.port}/${ROLE}`
}

/** What a Postgres writes to `postmaster.pid` in its data folder. Only the owner of the data can write there. */
export interface Postmaster {
  pid: number
  port: number
  /** It has opened its port and accepts connections. */
  isReady: boolean
  /** Key and id of its System V shared memory, which all of its processes use. */
  memory: string
}

/** Returns the server that was last started on this folder. Its `process` is undefined if it has ended. */
export async function findServer(folder: string) {
  const data = await realpath(dataFolder({ folder })).catch(() => undefined)
  const postmaster = data === undefined ? undefined : await readPostmaster(data)
  if (data === undefined || postmaster === undefined) return undefined
  return { ...postmaster, file: postmasterFile(data), process: identifyServer(postmaster, data) }
}

export async function readPostmaster(data: string): Promise<Postmaster | undefined> {
  const text = await readFile(postmasterFile(data), 'utf8').catch(() => '')
  // Its lines: pid, folder, start time, port, socket folder, listening address, shared memory, state.
  const [pid, , , port, , , memory = '', state = ''] = text.split('\n')
  if (!(Number(pid) > 0)) return undefined
  return { pid: Number(pid), port: Number(port), isReady: state.trim() === 'ready', memory: memory.trim() }
}

const postmasterFile = (data: string) => join(data, 'postmaster.pid')

/** A setting that names the data folder in the command line of a server that gets its data folder as a descriptor. */
export const folderSetting = (data: string) => `latchkey.data=${data}`

/**
 * The running process of this server. Undefined if it has ended, also if another program has its pid.
 *
 * @param data without symbolic links
 */
function identifyServer({ pid }: Postmaster, data: string): ProcessIdentity | undefined {
  const line = commandLine(pid)
  const isOurs = [`/postgres -D ${data} -c `, ` -c ${folderSetting(data)} `].some(part => line.includes(part))
  return isOurs ? identifyProcess(pid) : undefined
}

/**
 * Waits for the last processes of a killed server, which end by themselves. Postgres itself detects them by the shared
 * memory that they use, but not after the data has got another owner.
 *
 * @throws if they do not end
 */
export async function waitUntilMemoryIsFree({ memory }: Postmaster): Promise<void> {
  const deadline = Date.now() + MEMORY_TIMEOUT_MS
  while (await isAttached(memory)) {
    if (Date.now() > deadline) {
      throw new Error(
        `Processes of a killed Postgres are still running. \`ipcs -mp\` shows them under the key and id ${memory}.`,
      )
    }
    await sleep(MEMORY_INTERVAL_MS)
  }
}

async function isAttached(memory: string): Promise<boolean> {
  const table = await readFile('/proc/sysvipc/shm', 'utf8').catch(() => '')
  const lines = table.split('\n').map(line => line.trim().split(/\s+/))
  // Its columns: key, id, permissions, size, creator, last user, number of processes attached.
  return lines.some(([key, id, , , , , attached]) => `${key} ${id}` === memory.replace(/\s+/, ' ') && attached !== '0')
}
