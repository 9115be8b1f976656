import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ProcessIdentity, stillRuns } from './process-identity.js'
import type { ServerUser } from './server-user.js'

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

const POLL_INTERVAL_MS = 20

/** Ends a server that is not our child as {@link stopServer} ends one that is, and resolves when it is gone. */
export async function stopProcess(identity: ProcessIdentity): Promise<void> {
  if (!stillRuns(identity)) return
  process.kill(identity.pid, 'SIGINT')
  const deadline = Date.now() + PATIENCE_MS
  for (let asked = false; stillRuns(identity); await sleep(POLL_INTERVAL_MS)) {
    if (asked || Date.now() < deadline) continue
    asked = true
    process.kill(identity.pid, 'SIGQUIT')
  }
}

/**
 * Ends a server that we spawned when this process ends in whatever way, kill -9 included: a small shell waits on a
 * pipe from us, and the system closes that pipe when we are gone. Without it the server would be left an orphan.
 */
export function stopWithParent(child: ChildProcess, user?: ServerUser): void {
  const watcher = spawn('/bin/sh', ['-c', 'read -r ended || kill -INT "$1"', 'sh', String(child.pid)], {
    cwd: '/',
    env: {},
    ...user,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // A shell that can't be started, or has ended, is no reason to stop: the next start ends orphans, too.
  watcher.on('error', () => {})
  watcher.stdin.on('error', () => {})
  // The pid of a server that has ended may soon be somebody else's, so the watcher is told and goes.
  child.once('exit', () => watcher.stdin.end('ended\n'))
  watcher.unref()
}
