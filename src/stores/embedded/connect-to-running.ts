import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROLE } from './cluster.js'
import { identifyProcess } from './process-identity.js'

/** A first start may have to initialise the cluster. */
const PATIENCE_MS = 15_000
const INTERVAL_MS = 50

/**
 * The address of the Postgres that another process of ours runs on this data folder, as soon as it takes connections.
 * Only whoever may read the folder gets the password.
 */
export async function connectToRunning(dataDir: string): Promise<string> {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    const url = await addressOf(join(dataDir, 'postgres'))
    if (url !== undefined) return url
    if (Date.now() > deadline) throw new Error(`The Postgres in ${dataDir} is not ready. Look at its postgres.log.`)
    await sleep(INTERVAL_MS)
  }
}

async function addressOf(folder: string): Promise<string | undefined> {
  const pidFile = await readFile(join(folder, 'data/postmaster.pid'), 'utf8').catch(() => '')
  // Its lines: pid, folder, start time, port, socket folder, listening address, shared memory, state.
  const [pid, , , port, , , , state = ''] = pidFile.split('\n')
  if (state.trim() !== 'ready' || identifyProcess(Number(pid)) === undefined) return undefined
  const password = await readFile(join(folder, 'password'), 'utf8')
  return `postgres://${ROLE}:${password}@127.0.0.1:${Number(port)}/${ROLE}`
}
