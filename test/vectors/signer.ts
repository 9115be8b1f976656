import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

/** Keys of the test vectors and of nothing else. */
const KEYS = {
  main: {
    x: '3v0tvlrT_C1ZwjywZFyLxQVPybL9O7mELEDP1Wzo8aQ',
    y: 'FYxjND1IO4Fma3Y1H0-WvrTUhe5ulrPU2wqlvbEnHTo',
    d: 'xjZJrsNW2z6Ip3e-0TVAtUAtZb-Y18fpkZNO6FxBR4Q',
  },
  next: {
    x: 'dJLUYVhtoe6owCM1GlXVclDjOpJ8L3Vy8rCVsXHAgpA',
    y: '9IZ4p_F4HL87mPYrzkkEmh9wPxIPK5O9DL-7K4qRMXU',
    d: 'DKkpnNoho5SUcJnb5yMSDBFPQMrg1aqYtPJw7lCW6ZI',
  },
  leaked: {
    x: 'KUTuHJXOXH7jLZ9q17d2Xckv6uvRRKP3QmT9JqMOiXQ',
    y: '2pLeApQTqgbC5V78E12rziq_Krg8jPtKRnoTut_ffMA',
    d: 'nk8vYGrj1GvSIiCUi65B52VSSUOg-rEZSjEUE0eaLlA',
  },
  stranger: {
    x: 'oqLooIY46gylxq14RDqNrb03RKzJw7SoyJCHTsziJz0',
    y: '1Gp_OXeaASBm_Uwil-CzsIrx3ij0bZODR4lFbocnJxc',
    d: 'pNl2hwxjKOrH5q2VRN5_xhsi1QMovW2jLrPJnVWQMWQ',
  },
}

export type KeyName = keyof typeof KEYS

/** What the issuer publishes. The leaked key is still in it, as in the cache of a service. */
export const jwks = {
  keys: (['main', 'next', 'leaked'] as const).map(kid => {
    const { x, y } = KEYS[kid]
    return { kty: 'EC', crv: 'P-256', x, y, kid, alg: 'ES256', use: 'sig' }
  }),
}

export interface Signer {
  /** Signs the two texts. */
  jws(header: string, payload: string, key: KeyName): string
  publicKey(key: KeyName): KeyObject
}

/**
 * Every ES256 signature is another one. So that the vectors stay the same when they are made again, the signatures of
 * earlier tokens are used again.
 */
export function createSigner(earlierTokens: readonly string[]): Signer {
  const earlier = new Map<string, string[]>()
  for (const token of earlierTokens) {
    const end = token.lastIndexOf('.')
    earlier.set(token.slice(0, end), [...(earlier.get(token.slice(0, end)) ?? []), token.slice(end + 1)])
  }
  const privateKeys = new Map<string, KeyObject>()
  const privateKey = (name: KeyName) => {
    const known =
      privateKeys.get(name) ?? createPrivateKey({ key: { kty: 'EC', crv: 'P-256', ...KEYS[name] }, format: 'jwk' })
    privateKeys.set(name, known)
    return known
  }
  const publicKey = (name: KeyName) => createPublicKey(privateKey(name))
  return {
    publicKey,
    jws(header, payload, name) {
      const input = `${base64url(header)}.${base64url(payload)}`
      const known = earlier.get(input)?.find(signature => {
        const bytes = Buffer.from(signature, 'base64url')
        const key = { key: publicKey(name), dsaEncoding: 'ieee-p1363' } as const
        return bytes.length === 64 && verify('sha256', Buffer.from(input), key, bytes)
      })
      const key = { key: privateKey(name), dsaEncoding: 'ieee-p1363' } as const
      return `${input}.${known ?? sign('sha256', Buffer.from(input), key).toString('base64url')}`
    },
  }
}

export function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}
