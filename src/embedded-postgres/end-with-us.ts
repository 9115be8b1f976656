import { type ChildProcess, spawn } from 'node:child_process'
import type { ServerUser } from './server-user.js'

/**
 * Ends a server that we spawned when this process ends in whatever way, kill -9 included: a small shell waits on a
 * pipe from us, and the system closes that pipe when we are gone. Without it the server would be left an orphan.
 */
export function endWithUs(child: ChildProcess, user?: ServerUser): void {
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
