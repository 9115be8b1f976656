import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../../log.js'
import { type Cluster, dataFolder } from './cluster.js'
import { endProcess } from './end-process.js'
import { commandLine, identifyProcess } from './process-identity.js'

/**
 * Ends the Postgres that a killed process of ours may have left running on this cluster. Only the holder of the data
 * folder's lock may call this.
 */
export async function endOrphan(cluster: Cluster, log: Log): Promise<void> {
  const pidFile = join(dataFolder(cluster), 'postmaster.pid')
  const content = await readFile(pidFile, 'utf8').catch(() => '')
  const pid = Number(content.split('\n')[0])
  const orphan = pid > 0 ? identifyProcess(pid) : undefined
  // Postgres clears up after a dead predecessor by itself.
  if (orphan === undefined) return

  if (!commandLine(pid).includes(`/postgres -D ${dataFolder(cluster)} -c `)) {
    // The pid is another program's by now. Postgres looks no further than whether it runs, and would refuse to start.
    await rm(pidFile, { force: true })
    return
  }
  log.warn(`Ending the Postgres (process ${pid}) that a killed Latchkey left running.`)
  await endProcess(orphan)
}
