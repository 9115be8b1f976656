import { realpath, rm } from 'node:fs/promises'
import type { Log } from '../log.js'
import { dataFolder } from './cluster.js'
import { endProcess } from './end-process.js'
import { identifyServer, postmasterFile, readPostmaster, untilMemoryIsFree } from './postmaster-file.js'
import { isTaken } from './process-identity.js'

/**
 * Ends the Postgres that a killed process of ours may have left running on this cluster folder. Only the holder of the
 * data folder's lock may call this.
 */
export async function endOrphan(folder: string, log: Log): Promise<void> {
  const data = await realpath(dataFolder({ folder })).catch(() => undefined)
  const postmaster = data === undefined ? undefined : await readPostmaster(data)
  if (data === undefined || postmaster === undefined) return

  const orphan = identifyServer(postmaster, data)
  if (orphan !== undefined) {
    log.warn(`Ending the Postgres (process ${orphan.pid}) that a killed Latchkey left running.`)
    await endProcess(orphan)
  }
  await untilMemoryIsFree(postmaster)
  // The pid may be another program's by now, or a zombie's. Postgres looks no further than whether there is one, and
  // would refuse to start.
  if (isTaken(postmaster.pid)) await rm(postmasterFile(data), { force: true })
}
