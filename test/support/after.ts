import { stillRuns } from '../../src/stores/embedded/process-identity.js'
import { endSharedServers } from './servers/end-shared-servers.js'
import { readServersFile, withServersLock, writeServersFile } from './servers/servers-file.js'

// Runs once after the last test file, a child of the tap runner as before.ts was.
await withServersLock(async () => {
  const servers = await readServersFile()
  if (servers === undefined) return
  const users = servers.users.filter(user => user.pid !== process.ppid && stillRuns(user))
  if (users.length > 0) await writeServersFile({ ...servers, users })
  else await endSharedServers(servers)
})
