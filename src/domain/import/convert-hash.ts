import { UNUSABLE_HASH } from '../passwords/hash-formats.js'
import { type Pbkdf2Digest, pbkdf2Hash } from '../passwords/pbkdf2.js'

/**
 * Converts a hash of another system into the form in which this service stores it. Text in any other form stays as it
 * is; `checkHash` decides about it.
 */
export function convertHash(text: string): string {
  const hash = fromDjango(withoutSchemePrefix(text.trim()))
  // `!…` is Django's `make_password(None)`; `!` and `*` are in a shadow file for accounts without a password.
  if (/^(?:!.*|\*)$/.test(hash)) return UNUSABLE_HASH
  if (hash.startsWith('$argon2')) return hash.replace(/=+(?=\$|$)/g, '')
  return fromPbkdf2(hash) ?? fromSpring(hash) ?? fromWerkzeug(hash) ?? fromAspNet(hash) ?? hash
}

/**
 * Converts a credential of the type `password` from the export of a Keycloak realm. Undefined if its algorithm is
 * unknown or a field is missing. Older exports have the same values in other fields.
 *
 * @see org.keycloak.models.credential.PasswordCredentialModel
 */
export function convertKeycloakCredential(credential: object): string | undefined {
  const given = credential as Fields
  const data = fieldsOf(given.credentialData) ?? given
  const secret = fieldsOf(given.secretData) ?? given
  const { algorithm, hashIterations } = data
  const [salt, hash] = [bytesOf(secret.salt), bytesOf(secret.value ?? secret.hashedSaltedValue)]
  if (typeof algorithm !== 'string' || !Number.isSafeInteger(hashIterations) || !salt || !hash) return undefined
  const digest = Object.hasOwn(KEYCLOAK_DIGESTS, algorithm) ? KEYCLOAK_DIGESTS[algorithm] : undefined
  if (digest !== undefined) return pbkdf2Hash(digest, Number(hashIterations), salt, hash)
  return algorithm === 'argon2' ? argon2Hash(data, salt, hash) : undefined
}

type Fields = Record<string, unknown>

const KEYCLOAK_DIGESTS: Record<string, Pbkdf2Digest> = {
  pbkdf2: 'sha1',
  'pbkdf2-sha256': 'sha256',
  'pbkdf2-sha512': 'sha512',
}

/** Each of the additional parameters is a list of one text. */
function argon2Hash({ hashIterations, additionalParameters }: Fields, salt: Buffer, hash: Buffer): string {
  const parameters = (additionalParameters ?? {}) as Record<string, unknown>
  const [type, version, memory, lanes] = ['type', 'version', 'memory', 'parallelism'].map(name =>
    String([parameters[name]].flat()[0]),
  )
  const v = version === '1.3' ? 19 : 16
  return `$argon2${type}$v=${v}$m=${memory},t=${hashIterations},p=${lanes}$${unpaddedBase64(salt)}$${unpaddedBase64(hash)}`
}

function fieldsOf(value: unknown): Fields | undefined {
  let fields = value
  try {
    if (typeof value === 'string') fields = JSON.parse(value)
  } catch {
    return undefined
  }
  return typeof fields === 'object' && fields !== null ? (fields as Fields) : undefined
}

function bytesOf(value: unknown): Buffer | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9+/]+={0,2}$/.test(value) ? Buffer.from(value, 'base64') : undefined
}

/**
 * Spring, LDAP servers and Dovecot put the name of the scheme in braces before a hash. It is removed if the hash itself
 * names its scheme. Others, such as `{noop}`, stay, so the hash is refused.
 *
 * @see org.springframework.security.crypto.factory.PasswordEncoderFactories
 */
function withoutSchemePrefix(hash: string): string {
  return hash.replace(/^\{(?:bcrypt|argon2(?:id?|d)?(?:@SpringSecurity_v5_[28])?|crypt|blf-crypt)\}(?=\$)/i, '')
}

/**
 * Django puts its own name before argon2 and bcrypt hashes, and writes scrypt hashes with the fields in another order.
 *
 * @see django.contrib.auth.hashers
 */
function fromDjango(hash: string): string {
  const [, known] = /^(?:argon2|bcrypt\$)(\$(?:argon2|2).+)$/.exec(hash) ?? []
  if (known !== undefined) return known
  const [, work, salt = '', blockSize, lanes, digest = ''] =
    /^scrypt\$(\d{1,10})\$([^$]{1,64})\$(\d{1,6})\$(\d{1,6})\$([A-Za-z0-9+/]{86}==)$/.exec(hash) ?? []
  const logN = Math.log2(Number(work))
  if (!Number.isInteger(logN)) return hash
  return scryptHash(logN, Number(blockSize), Number(lanes), unpaddedBase64(Buffer.from(salt)), unpadded(digest))
}

/** PBKDF2 of Django and of LDAP servers. Django's form with SHA-256 is stored as it is. */
function fromPbkdf2(hash: string): string | undefined {
  const [, iterations, salt = '', digest = ''] =
    /^pbkdf2_sha1\$(\d{1,10})\$([^$]{1,256})\$([A-Za-z0-9+/]{27}=)$/.exec(hash) ?? []
  if (iterations !== undefined) return pbkdf2Hash('sha1', iterations, Buffer.from(salt), Buffer.from(digest, 'base64'))
  const ldap = /^\{PBKDF2(?:-SHA1)?(-SHA256|-SHA512)?\}(\d+\$.+)$/i.exec(hash)
  return ldap ? `$pbkdf2${(ldap[1] ?? '').toLowerCase()}$${ldap[2]}` : undefined
}

/**
 * Spring Security's `{pbkdf2}`, which does not contain its cost: the cost of the default settings is used. And its
 * scrypt, `$e0801$salt$hash`: the number is log2 of N, r and p in hexadecimal.
 */
function fromSpring(hash: string): string | undefined {
  const [, version, hex = ''] = /^\{pbkdf2(@SpringSecurity_v5_8)?\}((?:[0-9a-f]{2}){40,48})$/i.exec(hash) ?? []
  const bytes = Buffer.from(hex, 'hex')
  if (version === undefined && bytes.length === 40)
    return pbkdf2Hash('sha1', 185_000, bytes.subarray(0, 8), bytes.subarray(8))
  if (version !== undefined && bytes.length === 48)
    return pbkdf2Hash('sha256', 310_000, bytes.subarray(0, 16), bytes.subarray(16))
  const [, costs, salt = '', digest = ''] =
    /^(?:\{scrypt(?:@SpringSecurity_v5_8)?\})?\$([0-9a-f]{5,6})\$([A-Za-z0-9+/]+=*)\$([A-Za-z0-9+/]+=*)$/i.exec(hash) ??
    []
  if (costs === undefined) return undefined
  const number = Number.parseInt(costs, 16)
  return scryptHash(number >> 16, (number >> 8) & 0xff, number & 0xff, unpadded(salt), unpadded(digest))
}

/** `pbkdf2:sha256:iterations$salt$hash` and `scrypt:N:r:p$salt$hash`: the salt is text, the hash is hexadecimal. */
function fromWerkzeug(hash: string): string | undefined {
  const [, method, costs = '', salt = '', hex = ''] =
    /^(pbkdf2:sha1|pbkdf2:sha256|pbkdf2:sha512|scrypt):([\d:]{1,32})\$([^$]{1,256})\$((?:[0-9a-f]{2}){16,64})$/.exec(
      hash,
    ) ?? []
  if (method === undefined) return undefined
  const digest = Buffer.from(hex, 'hex')
  if (method !== 'scrypt')
    return pbkdf2Hash(method.slice('pbkdf2:'.length) as Pbkdf2Digest, costs, Buffer.from(salt), digest)
  const [work, blockSize, lanes] = costs.split(':').map(Number)
  return scryptHash(Math.log2(work ?? 0), blockSize, lanes, unpaddedBase64(Buffer.from(salt)), unpaddedBase64(digest))
}

/**
 * ASP.NET Core Identity, in base64. Version 2: a zero byte, 16 bytes of salt and 32 bytes of PBKDF2-SHA1 with 1,000
 * iterations. Version 3: a byte 1; the digest, the iterations and the length of the salt, as four bytes each; the salt;
 * the hash.
 *
 * @see Microsoft.AspNetCore.Identity.PasswordHasher
 */
function fromAspNet(hash: string): string | undefined {
  if (!/^A[A-Za-z0-9+/]{40,170}={0,2}$/.test(hash) || hash.length % 4 !== 0) return undefined
  const bytes = Buffer.from(hash, 'base64')
  if (bytes[0] === 0 && bytes.length === 49) return pbkdf2Hash('sha1', 1000, bytes.subarray(1, 17), bytes.subarray(17))
  const digest = (['sha1', 'sha256', 'sha512'] as const)[bytes.readUInt32BE(1)]
  const [iterations, saltLength] = [bytes.readUInt32BE(5), bytes.readUInt32BE(9)]
  if (bytes[0] !== 1 || digest === undefined || saltLength > bytes.length - 13) return undefined
  return pbkdf2Hash(digest, iterations, bytes.subarray(13, 13 + saltLength), bytes.subarray(13 + saltLength))
}

function scryptHash(logN: number, r = 0, p = 0, salt = '', digest = ''): string {
  return `$scrypt$ln=${logN},r=${r},p=${p}$${salt}$${digest}`
}

function unpaddedBase64(bytes: Buffer): string {
  return unpadded(bytes.toString('base64'))
}

function unpadded(base64: string): string {
  return base64.replace(/=+$/, '')
}
