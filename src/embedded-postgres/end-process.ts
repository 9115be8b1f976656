import { setTimeout as sleep } from 'node:timers/promises'
import { type ProcessIdentity, stillRuns } from './process-identity.js'

const PATIENCE_MS = 10_000
const POLL_INTERVAL_MS = 20

/** Ends a server that is not our child as {@link stopServer} ends one that is, and resolves when it is gone. */
export async function endProcess(identity: ProcessIdentity): Promise<void> {
  if (!stillRuns(identity)) return
  process.kill(identity.pid, 'SIGINT')
  const deadline = Date.now() + PATIENCE_MS
  for (let asked = false; stillRuns(identity); await sleep(POLL_INTERVAL_MS)) {
    if (asked || Date.now() < deadline) continue
    asked = true
    process.kill(identity.pid, 'SIGQUIT')
  }
}
