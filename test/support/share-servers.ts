import { identifyProcess, stillRuns } from '../../src/embedded-postgres/process-lock.js'
import { endSharedServers } from './servers/end-shared-servers.js'
import { serversAnswer } from './servers/servers-answer.js'
import { readServersFile, withServersLock, writeServersFile } from './servers/servers-file.js'
import { startSharedServers } from './servers/start-shared-servers.js'

// Runs once before the first test file, as a child process of the tap runner. Two tap runners in one checkout use the
// same servers.
const runner = identifyProcess(process.ppid)
if (runner === undefined) throw new Error('The tap runner that started this is gone.')

await withServersLock(async () => {
  const found = await readServersFile()
  const users = found?.users.filter(stillRuns) ?? []
  if (found !== undefined && users.length > 0 && (await serversAnswer(found))) {
    return writeServersFile({ ...found, users: [...users, runner] })
  }

  // No runner uses them: a run was interrupted before it could end them. Or they ended by themselves.
  if (found !== undefined) await endSharedServers(found)
  await writeServersFile({ ...(await startSharedServers()), users: [...users, runner] })
})
