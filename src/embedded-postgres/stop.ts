import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ProcessIdentity, stillRuns } from './process-lock.js'
import type { ServerUser } from './server-user.js'

const TIMEOUT_MS = 10_000
const POLL_INTERVAL_MS = 20

/** Stops a Postgres that this process started, and resolves when it has ended. */
export async function stopServer(child: ChildProcess): Promise<void> {
  if (!hasEnded(child)) await shutDown(signal => child.kill(signal), once(child, 'exit'))
}

/** Stops a server that is not a child of this process, and resolves when it has ended. */
export async function stopProcess(identity: ProcessIdentity): Promise<void> {
  const signal = (name: NodeJS.Signals) => stillRuns(identity) && process.kill(identity.pid, name)
  await shutDown(signal, untilEnded(identity))
}

export const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

/**
 * Stops a server when this process ends for any reason, `kill -9` included. A small shell waits on a pipe from this
 * process; the operating system closes the pipe when this process has ended, and the shell then signals the server.
 */
export function stopWithParent(child: ChildProcess, user?: ServerUser): void {
  const watcher = spawn('/bin/sh', ['-c', 'read -r ended || kill -INT "$1"', 'sh', String(child.pid)], {
    cwd: '/',
    env: {},
    ...user,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // If the shell cannot start, or ends early, the service continues: the next start also stops a server left running.
  watcher.on('error', () => {})
  watcher.stdin.on('error', () => {})
  // Another process may soon get the pid of a server that has ended, so the shell must end without sending a signal.
  child.once('exit', () => watcher.stdin.end('ended\n'))
  watcher.unref()
}

/** SIGINT rolls back open transactions and shuts down cleanly. After ten seconds, SIGQUIT: the next start recovers. */
async function shutDown(signal: (name: NodeJS.Signals) => unknown, ended: Promise<unknown>): Promise<void> {
  signal('SIGINT')
  const timer = setTimeout(signal, TIMEOUT_MS, 'SIGQUIT')
  await ended
  clearTimeout(timer)
}

async function untilEnded(identity: ProcessIdentity): Promise<void> {
  while (stillRuns(identity)) await sleep(POLL_INTERVAL_MS)
}
