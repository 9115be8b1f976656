import { type Pbkdf2Digest, pbkdf2Hash } from '../passwords/pbkdf2.js'

const DIGESTS: Record<string, Pbkdf2Digest> = {
  pbkdf2: 'sha1',
  'pbkdf2-sha256': 'sha256',
  'pbkdf2-sha512': 'sha512',
}

type Fields = Record<string, unknown>

/**
 * A credential of the type `password` as a Keycloak realm is exported, in the form in which hashes are stored here.
 * Undefined for what is none that is known. Older exports have the same values in fields of their own.
 *
 * @see org.keycloak.models.credential.PasswordCredentialModel
 */
export function fromKeycloak(credential: object): string | undefined {
  const given = credential as Fields
  const data = fieldsOf(given.credentialData) ?? given
  const secret = fieldsOf(given.secretData) ?? given
  const { algorithm, hashIterations } = data
  const [salt, hash] = [bytesOf(secret.salt), bytesOf(secret.value ?? secret.hashedSaltedValue)]
  if (typeof algorithm !== 'string' || !Number.isSafeInteger(hashIterations) || !salt || !hash) return undefined
  const digest = Object.hasOwn(DIGESTS, algorithm) ? DIGESTS[algorithm] : undefined
  if (digest !== undefined) return pbkdf2Hash(digest, Number(hashIterations), salt, hash)
  return algorithm === 'argon2' ? argon2Hash(data, salt, hash) : undefined
}

/** Its parameters are lists of one text each. */
function argon2Hash({ hashIterations, additionalParameters }: Fields, salt: Buffer, hash: Buffer): string {
  const parameters = (additionalParameters ?? {}) as Record<string, unknown>
  const [type, version, memory, lanes] = ['type', 'version', 'memory', 'parallelism'].map(name =>
    String([parameters[name]].flat()[0]),
  )
  const v = version === '1.3' ? 19 : 16
  return `$argon2${type}$v=${v}$m=${memory},t=${hashIterations},p=${lanes}$${unpadded(salt)}$${unpadded(hash)}`
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

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
