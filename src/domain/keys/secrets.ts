import { hkdfSync } from 'node:crypto'
import type { EncryptionKey } from '../../lib/encrypted-text.js'
import type { TagKey } from '../../lib/tagged-token.js'

/** The keys of refresh tokens that are derived from one JWT_REFRESH_SECRET. */
export interface RefreshKey extends TagKey {
  readonly id: number
  /** The salt of the HKDF that derives a token's successor. */
  readonly salt: Buffer
}

/** The key of device cookies that is derived from one JWT_REFRESH_SECRET. */
export interface DeviceKey extends TagKey {
  readonly id: number
}

/** The keys of the tokens in letters that are derived from one JWT_REFRESH_SECRET. */
export interface LetterKey extends TagKey {
  /** Derives the secret of a token from the id of its letter. */
  readonly secretKey: Buffer
}

/** All keys, newest first. The first of a list makes tokens and encrypts; all of them verify and decrypt. */
export interface Secrets {
  readonly refreshKeys: NonEmpty<RefreshKey>
  /** Of password-reset tokens. */
  readonly resetKeys: NonEmpty<TagKey>
  /** Of the tokens in letters: for each of them the tag, and the key from which their secrets are derived. */
  readonly letterKeys: NonEmpty<LetterKey>
  readonly deviceKeys: NonEmpty<DeviceKey>
  /** Of the tickets of superseded refresh tokens. */
  readonly ticketKeys: NonEmpty<TagKey>
  /** Of private signing keys. */
  readonly keyEncryptionKeys: NonEmpty<EncryptionKey>
  /** Of the secrets with which deliveries of events are signed. */
  readonly deliveryEncryptionKeys: NonEmpty<EncryptionKey>
  /** Of the MACs that protect entries in Redis. */
  readonly redisMacKeys: NonEmpty<Buffer>
  /** Of the tickets with which `latchkey doctor` asks a running instance. */
  readonly doctorKeys: NonEmpty<Buffer>
}

export type NonEmpty<T> = readonly [T, ...T[]]

const KEY_BYTES = 32
const SECRET_MIN_BYTES = 32

/**
 * Derives every key from JWT_SECRET and JWT_REFRESH_SECRET, by HKDF-SHA-256 (RFC 5869) with its own label, so that no
 * key reveals anything about another. Nothing else in this service uses the two secrets.
 *
 * @throws Error if there is no secret, or if one has fewer than 32 bytes
 */
export function deriveSecrets(secrets: { jwtSecrets: readonly string[]; refreshSecrets: readonly string[] }): Secrets {
  return {
    refreshKeys: deriveEach('JWT_REFRESH_SECRET', secrets.refreshSecrets, secret => ({
      id: deriveByte(secret, 'latchkey refresh key id 1'),
      tagKey: derive(secret, 'latchkey refresh tag 1'),
      salt: derive(secret, 'latchkey refresh salt 1'),
    })),
    resetKeys: deriveEach('JWT_REFRESH_SECRET', secrets.refreshSecrets, secret => ({
      tagKey: derive(secret, 'latchkey password reset tag 1'),
    })),
    letterKeys: deriveEach('JWT_REFRESH_SECRET', secrets.refreshSecrets, secret => ({
      tagKey: derive(secret, 'latchkey letter tag 1'),
      secretKey: derive(secret, 'latchkey letter secret 1'),
    })),
    deviceKeys: deriveEach('JWT_REFRESH_SECRET', secrets.refreshSecrets, secret => ({
      id: deriveByte(secret, 'latchkey device key id 1'),
      tagKey: derive(secret, 'latchkey device 1'),
    })),
    ticketKeys: deriveEach('JWT_REFRESH_SECRET', secrets.refreshSecrets, secret => ({
      tagKey: derive(secret, 'latchkey superseded ticket 1'),
    })),
    keyEncryptionKeys: deriveEach('JWT_SECRET', secrets.jwtSecrets, secret => ({
      id: deriveByte(secret, 'latchkey signing key seal id 1'),
      key: derive(secret, 'latchkey signing key seal 1'),
    })),
    deliveryEncryptionKeys: deriveEach('JWT_SECRET', secrets.jwtSecrets, secret => ({
      id: deriveByte(secret, 'latchkey delivery secret id 1'),
      key: derive(secret, 'latchkey delivery secret 1'),
    })),
    redisMacKeys: deriveEach('JWT_REFRESH_SECRET', secrets.refreshSecrets, secret =>
      derive(secret, 'latchkey redis mac 1'),
    ),
    doctorKeys: deriveEach('JWT_SECRET', secrets.jwtSecrets, secret => derive(secret, 'latchkey doctor 1')),
  }
}

function deriveEach<T>(name: string, secrets: readonly string[], make: (secret: string) => T): NonEmpty<T> {
  const [newest, ...older] = secrets.map(secret => {
    if (Buffer.byteLength(secret) < SECRET_MIN_BYTES) {
      throw new Error(`${name} must have at least ${SECRET_MIN_BYTES} bytes`)
    }
    return make(secret)
  })
  if (newest === undefined) throw new Error(`${name} is not set`)
  return [newest, ...older]
}

function derive(secret: string, label: string, bytes = KEY_BYTES): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', label, bytes))
}

function deriveByte(secret: string, label: string): number {
  return derive(secret, label, 1).readUInt8()
}
