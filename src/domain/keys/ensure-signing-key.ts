import { addSigningKey, KEY_LEAD_SECONDS, type KeyDatabase, type NewKeyOptions } from './rotate-signing-key.js'
import { seal, tryUnseal } from './seal.js'

/**
 * Sees at start that there is a key to sign with: makes one of the configured algorithm if there is none, and re-seals
 * with the newest JWT_SECRET what an older one sealed, so that the older can go. Safe to call from many instances at
 * once. A key that no secret opens is left alone; loading the keyring says so.
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
  await resealKeys(database, options.sealKeys)
}

async function resealKeys({ signingKeys }: KeyDatabase, sealKeys: NewKeyOptions['sealKeys']): Promise<void> {
  const [newest] = sealKeys
  for (const { kid, sealedPrivateKey } of await signingKeys.usable()) {
    const opened = tryUnseal(sealedPrivateKey, sealKeys, kid)
    if (opened === undefined || opened.sealedWith === newest) continue
    await signingKeys.reseal(kid, sealedPrivateKey, seal(opened.plain, newest, kid))
  }
}
