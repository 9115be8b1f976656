import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'

export interface ToyKey {
  kid: string
  alg: string
  privateKey: KeyObject
  jwk: Record<string, unknown>
}

export function toyKey(alg: 'ES256' | 'EdDSA' | 'RS256' = 'ES256'): ToyKey {
  const { publicKey, privateKey } =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : alg === 'EdDSA'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const kid = randomUUID()
  return { kid, alg, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } }
}

export function signToken(
  issuer: string,
  claims: Record<string, unknown>,
  { kid, alg, privateKey }: ToyKey,
  header: Record<string, unknown>,
): string {
  const now = Math.floor(Date.now() / 1000)
  const all = {
    iss: issuer,
    aud: issuer,
    sub: randomUUID(),
    sid: randomUUID(),
    jti: randomUUID(),
    client_id: 'latchkey',
    iat: now,
    exp: now + 900,
    auth_time: now,
    ver: 1,
    gen: 1,
    roles: ['editor'],
    roles_version: 1,
    ...claims,
  }
  const signed = `${encode({ typ: 'at+jwt', alg, kid, ...header })}.${encode(all)}`
  const digest = alg === 'EdDSA' ? null : 'sha256'
  const signature = sign(digest, Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
