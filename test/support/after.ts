import { stillRuns } from '../../src/embedded-postgres/process-lock.js'
import { endSharedServers } from './servers/end-shared-servers.js'
import { readServersFile, withServersLock, writeServersFile } from './servers/servers-file.js'

// tap runs this once after the last test file. It ends the shared servers, unless another tap runner still uses them.
await withServersLock(async () => {
  const servers = await readServersFile()
  if (servers === undefined) return
  const users = servers.users.filter(user => user.pid !== process.ppid && stillRuns(user))
  if (users.length > 0) await writeServersFile({ ...servers, users })
  else await endSharedServers(servers)
})
