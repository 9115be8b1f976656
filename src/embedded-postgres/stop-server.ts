import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

const PATIENCE_MS = 10_000

/**
 * Ends a Postgres that we spawned and resolves when it is gone: SIGINT rolls open transactions back and shuts down
 * cleanly; after ten seconds SIGQUIT leaves the rest to crash recovery.
 */
export async function stopServer(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const exit = once(child, 'exit')
  child.kill('SIGINT')
  const impatience = setTimeout(() => child.kill('SIGQUIT'), PATIENCE_MS)
  await exit
  clearTimeout(impatience)
}

export const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null
