import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { stopProcess } from '../../../src/embedded-postgres/stop.js'
import { removeServersFile, type ServersFile } from './servers-file.js'

/** Ends exactly the servers that servers.json names, and removes their folders. */
export async function endSharedServers(servers: Pick<ServersFile, 'pids' | 'containers' | 'folders'>): Promise<void> {
  await Promise.all(servers.pids.map(stopProcess))
  for (const container of servers.containers) await promisify(execFile)('docker', ['rm', '--force', container])
  for (const folder of servers.folders) await rm(folder, { recursive: true, force: true })
  await removeServersFile()
}
