import { decryptText } from '../../lib/encrypted-text.js'
import type { Log } from '../../lib/log.js'
import { repeat } from '../../lib/periodic.js'
import type { Keyring } from './keyring.js'
import {
  addSigningKey,
  KEY_LEAD_SECONDS,
  type KeyDatabase,
  type NewKeyOptions,
  rotateIfDue,
} from './rotate-signing-key.js'
import { encryptPrivateKey } from './signing-key.js'

export interface KeyMaintenanceOptions extends NewKeyOptions {
  keyring: Keyring
  database: KeyDatabase
  log: Log
  keyRotationIntervalSeconds: number
  /** Every instance must have read a key before it signs (URGENT_KEY_LEAD_SECONDS). */
  reloadEveryMs?: number
  rotateEveryMs?: number
}

export interface KeyMaintenance {
  /** Resolves when no work is in progress. */
  stop(): Promise<void>
}

/** Reads the signing keys every second, and checks every hour whether a new one is due. */
export function startKeyMaintenance(options: KeyMaintenanceOptions): KeyMaintenance {
  const { keyring, database, log, reloadEveryMs = 1000, rotateEveryMs = 60 * 60_000 } = options

  const reloading = repeat({
    everyMs: reloadEveryMs,
    task: 'read the signing keys',
    work: () => keyring.reload(),
    log,
  })
  const rotating = repeat({
    everyMs: rotateEveryMs,
    task: 'rotate the signing key',
    async work() {
      const made = await rotateIfDue(database, options)
      if (made === undefined) return
      log.info(`Made signing key ${made.kid}, which signs from ${made.activeFrom.toISOString()}`)
      await keyring.reload()
    },
    log,
  })

  return {
    async stop() {
      await Promise.all([reloading.stop(), rotating.stop()])
    },
  }
}

/**
 * Ensures at start that there is a signing key: makes one with the configured algorithm if there is none. Encrypts keys
 * again with the newest JWT_SECRET, so that an older one can be removed. Several instances can call it at once. A key
 * that no secret decrypts is not changed; loading the keyring reports it.
 */
export async function ensureSigningKey(database: KeyDatabase, options: NewKeyOptions): Promise<void> {
  await addSigningKey(database, {
    ...options,
    leadSeconds: KEY_LEAD_SECONDS,
    unless: async keys => {
      const usable = await keys.usable()
      return usable.some(({ alg, retiresAt }) => alg === options.algorithm && retiresAt === null)
    },
  })
  await reencryptKeys(database, options.keyEncryptionKeys)
}

async function reencryptKeys(
  { signingKeys }: KeyDatabase,
  keyEncryptionKeys: NewKeyOptions['keyEncryptionKeys'],
): Promise<void> {
  const [newest] = keyEncryptionKeys
  for (const { kid, sealedPrivateKey } of await signingKeys.usable()) {
    const decrypted = decryptText(sealedPrivateKey, keyEncryptionKeys, kid)
    if (decrypted === undefined || decrypted.encryptedWith === newest) continue
    await signingKeys.reseal(kid, sealedPrivateKey, encryptPrivateKey(decrypted.plain, newest, kid))
  }
}
