import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { decryptPrivateKey } from '../../src/domain/keys/signing-key.js'
import type { TestApp } from '../support/build-test-app.js'

/** Has the service's own signing key, which no attacker has, to make tokens that are wrong in only one way. */
export interface Forger {
  kid: string
  alg: string
  publicKey: KeyObject
  /** A token with this header and payload and a valid signature. `undefined` removes a member. */
  token(header: Record<string, unknown>, payload?: Record<string, unknown>): string
  /** The same, from raw texts, which may be ones that JSON.stringify never writes. */
  tokenOf(headerText: string, payloadText: string): string
}

/** Reads the current signing key from the database, and the claims from a token of the service. */
export async function forgerOf({ app, stores, clock }: TestApp, genuineToken: string): Promise<Forger> {
  const { kid, alg } = app.context.keyring.signingKey(clock.now())
  const row = (await stores.db.signingKeys.usable()).find(key => key.kid === kid)!
  const privateKey = createPrivateKey(
    decryptPrivateKey(row.sealedPrivateKey, app.context.secrets.keyEncryptionKeys, kid).plain,
  )
  const claims = payloadOf(genuineToken)

  const tokenOf = (headerText: string, payloadText: string) => {
    const input = `${encode(headerText)}.${encode(payloadText)}`
    const digest = alg === 'EdDSA' ? null : 'sha256'
    const signature = sign(digest, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }
  return {
    kid,
    alg,
    publicKey: createPublicKey(privateKey),
    tokenOf,
    token: (header, payload = {}) =>
      tokenOf(JSON.stringify({ alg, typ: 'at+jwt', kid, ...header }), JSON.stringify({ ...claims, ...payload })),
  }
}

export function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}

export function payloadOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
}
