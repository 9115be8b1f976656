import { execFile } from 'node:child_process'

/** Whom a server program runs as. */
export interface ServerUser {
  uid: number
  gid: number
}

/**
 * The user that Postgres runs as when root starts it, as Postgres refuses root: `nobody`. Undefined for everyone else,
 * who runs it as themselves.
 */
export function serverUser(): ServerUser | undefined {
  return process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : undefined
}

/** Whether that user can get into a folder. Asked of the system, as mode bits alone are not all that can be in the way. */
export async function canEnter(folder: string, user: ServerUser | undefined): Promise<boolean> {
  return runs('/bin/sh', ['-c', 'test -x "$1"', 'sh', folder], user)
}

/** Whether a program starts and succeeds as that user. */
export function runs(program: string, args: readonly string[], user: ServerUser | undefined): Promise<boolean> {
  return new Promise(resolve => {
    execFile(program, args, { cwd: '/', env: {}, ...user }, error => resolve(error === null))
  })
}
