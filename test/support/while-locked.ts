import { setTimeout as sleep } from 'node:timers/promises'
import { acquireProcessLock, LockHeld } from '../../src/embedded-postgres/process-lock.js'

/** Runs `change` while no other process has locked the file, and waits as long as one has. */
export async function whileLocked<T>(path: string, change: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      const lock = await acquireProcessLock(path)
      try {
        return await change()
      } finally {
        await lock.release()
      }
    } catch (error) {
      if (!(error instanceof LockHeld)) throw error
    }
    await sleep(100)
  }
}
