import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { locateInstallation } from '../../../src/embedded-postgres/data-folder.js'
import { createInstallation } from '../../../src/embedded-postgres/installation.js'
import { launchPostgres } from '../../../src/embedded-postgres/launch.js'
import { rootOwnedDirOf } from '../../../src/embedded-postgres/native-programs.js'
import { identifyProcess, type ProcessIdentity } from '../../../src/embedded-postgres/process-lock.js'
import { endSharedServers } from './end-shared-servers.js'
import { findRedis } from './find-redis.js'
import { launchRedis } from './launch-redis.js'
import { quietLog } from './quiet-log.js'
import { runRedisContainer } from './run-redis-container.js'
import type { ServersFile } from './servers-file.js'
import { makeThrowawayFolder } from './throwaway-folder.js'

/** Speed before safety: the data of a test is not needed after a crash of the machine. */
export const THROWAWAY_SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
}

type Started = Pick<ServersFile, 'pids' | 'containers' | 'folders'>
type StartedServers = Omit<ServersFile, 'users'>

/** Starts a Postgres and a Redis that go on after this process ends, unless the environment names running ones. */
export async function startSharedServers(): Promise<StartedServers> {
  const folder = await makeThrowawayFolder('latchkey-test-')
  const started: Started = { pids: [], containers: [], folders: [folder] }
  try {
    const postgresUrl = process.env.TEST_DATABASE_URL ?? (await startPostgres(folder, started))
    const redisUrl = process.env.TEST_REDIS_URL ?? process.env.REDIS_URL ?? (await startRedis(folder, started))
    return { postgresUrl, redisUrl, ...started }
  } catch (error) {
    await endSharedServers(started)
    throw error
  }
}

async function startPostgres(folder: string, started: Started): Promise<string> {
  started.folders.push(await rootOwnedDirOf(folder))
  const installation = await locateInstallation(folder, quietLog())
  await createInstallation(installation, { sync: false })
  const { child, url } = await launchPostgres(installation, {
    logFile: join(folder, 'postgres.log'),
    settings: THROWAWAY_SETTINGS,
    keepsRunning: true,
  })
  started.pids.push(leaveRunning(child))
  return url
}

async function startRedis(folder: string, started: Started): Promise<string> {
  const program = await findRedis()
  if (program === undefined) {
    const { container, url } = await runRedisContainer()
    started.containers.push(container)
    return url
  }
  const { child, url } = await launchRedis({ program, folder })
  started.pids.push(leaveRunning(child))
  return url
}

function leaveRunning(child: ChildProcess): ProcessIdentity {
  child.unref()
  const identity = identifyProcess(child.pid!)
  if (identity === undefined) throw new Error('A test server ended right after its start.')
  return identity
}
