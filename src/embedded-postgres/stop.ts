import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ProcessIdentity, stillRuns } from './process-identity.js'
import type { ServerUser } from './server-user.js'

const PATIENCE_MS = 10_000
const POLL_INTERVAL_MS = 20

/** Ends a Postgres that we spawned and resolves when it is gone. */
export async function stopServer(child: ChildProcess): Promise<void> {
  if (!hasEnded(child)) await shutDown(signal => child.kill(signal), once(child, 'exit'))
}

/** The same for a server that is not our child. */
export async function stopProcess(identity: ProcessIdentity): Promise<void> {
  const signal = (name: NodeJS.Signals) => stillRuns(identity) && process.kill(identity.pid, name)
  await shutDown(signal, untilEnded(identity))
}

/** SIGINT rolls open transactions back and shuts down cleanly; after ten seconds SIGQUIT leaves the rest to crash recovery. */
async function shutDown(signal: (name: NodeJS.Signals) => unknown, ended: Promise<unknown>): Promise<void> {
  signal('SIGINT')
  const impatience = setTimeout(signal, PATIENCE_MS, 'SIGQUIT')
  await ended
  clearTimeout(impatience)
}

async function untilEnded(identity: ProcessIdentity): Promise<void> {
  while (stillRuns(identity)) await sleep(POLL_INTERVAL_MS)
}

export const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

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
