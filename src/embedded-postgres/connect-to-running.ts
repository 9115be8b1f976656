import { readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { dataFolder, passwordFile, ROLE } from './cluster.js'
import { identifyServer, readPostmaster } from './postmaster-file.js'

/** A first start may have to initialise the cluster. */
const PATIENCE_MS = 15_000
const INTERVAL_MS = 50

/**
 * The address of the Postgres that another process of ours runs on this data folder, as soon as it takes connections.
 * Only a process that may read the folder gets the password.
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
  const data = await realpath(dataFolder({ folder })).catch(() => undefined)
  const postmaster = data === undefined ? undefined : await readPostmaster(data)
  // The port of a server that has ended may be somebody else's by now, who would be told the password.
  if (data === undefined || !postmaster?.isReady || identifyServer(postmaster, data) === undefined) return undefined
  const password = await readFile(passwordFile({ folder }), 'utf8')
  return `postgres://${ROLE}:${password}@127.0.0.1:${postmaster.port}/${ROLE}`
}
