import type { Log } from '../../lib/log.js'
import { repeat } from '../../lib/periodic.js'
import type { Keyring } from './keyring.js'
import { type KeyDatabase, type NewKeyOptions, rotateIfDue } from './rotate-signing-key.js'

export interface KeyMaintenanceOptions extends NewKeyOptions {
  keyring: Keyring
  database: KeyDatabase
  log: Log
  keyRotationIntervalSeconds: number
  /** A key may sign 2 s after it was committed (URGENT_KEY_LEAD_SECONDS): every instance must have read it by then. */
  reloadEveryMs?: number
  rotateEveryMs?: number
}

export interface KeyMaintenance {
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>
}

/** Reads the signing keys every second and looks every hour whether a new one is due. */
export function startKeyMaintenance(options: KeyMaintenanceOptions): KeyMaintenance {
  const { keyring, database, log, reloadEveryMs = 1000, rotateEveryMs = 60 * 60_000 } = options

  const stopReloading = repeat(reloadEveryMs, log, 'read the signing keys', () => keyring.reload())
  const stopRotating = repeat(rotateEveryMs, log, 'rotate the signing key', async () => {
    const made = await rotateIfDue(database, options)
    if (made === undefined) return
    log.info(`Made signing key ${made.kid}, which signs from ${made.activeFrom.toISOString()}`)
    await keyring.reload()
  })

  return {
    async stop() {
      await Promise.all([stopReloading(), stopRotating()])
    },
  }
}
