import { LatchkeyError } from '../../lib/errors.js'
import { type AuthContext, commitAndAnnounce } from '../context.js'
import { makeSigningKey } from './make-signing-key.js'
import { seal } from './seal.js'

/**
 * Revokes a compromised signing key: it leaves the JWKS, and every instance drops it with all that it verified. Verifiers
 * that know no more than the JWKS accept it until they fetch that again. If no key is left to sign with, another takes
 * over at once; sessions live on, as refresh tokens are not signed by it.
 *
 * @returns the kid of the key that takes over, if one had to be made
 * @throws LatchkeyError signing_key_not_found
 */
export async function revokeSigningKey(
  context: Pick<AuthContext, 'db' | 'config' | 'secrets' | 'revocations'>,
  kid: string,
): Promise<string | undefined> {
  const successor = await makeSigningKey(context.config.algorithm)
  const sealedPrivateKey = seal(successor.privatePem, context.secrets.sealKeys[0], successor.kid)

  const isReplaced = await commitAndAnnounce(context, async ({ signingKeys, journal }) => {
    await signingKeys.lock()
    if (!(await signingKeys.revoke(kid))) throw new LatchkeyError('signing_key_not_found')
    const isReplaced = !(await signingKeys.usable()).some(({ retiresAt }) => retiresAt === null)
    if (isReplaced) await signingKeys.insert({ ...successor, sealedPrivateKey }, 0)
    await journal.append([{ kind: 'key', subject: kid, reason: 'key_compromised' }])
    return isReplaced
  })
  return isReplaced ? successor.kid : undefined
}
