import { execFile } from 'node:child_process'

/** Whom a server program runs as. */
export interface ServerUser {
  uid: number
  gid: number
}

/** Postgres refuses to run as root, so that root has to give it another user. */
export const startedByRoot = () => process.getuid?.() === 0

/** Whether a program starts and succeeds, as that user or as ourselves. */
export function runs(program: string, args: readonly string[], user?: ServerUser): Promise<boolean> {
  return new Promise(resolve => {
    execFile(program, args, { cwd: '/', env: {}, timeout: 10_000, ...user }, error => resolve(error === null))
  })
}
