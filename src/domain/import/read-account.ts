import { CLAIMS_NAMESPACE } from '@latchkey/verifier/core'
import { LatchkeyError } from '../../lib/errors.js'
import { earlierEmailForms, normaliseEmail, normaliseUsername } from '../accounts/account-names.js'
import { fitBeside, readClaims } from '../accounts/claims.js'
import { normaliseRoles } from '../accounts/roles.js'
import { readMetadata } from '../accounts/user-data.js'
import { checkHash, UNUSABLE_HASH } from '../passwords/hash-formats.js'
import { convertHash, convertKeycloakCredential } from './convert-hash.js'
import { ImportError } from './import-error.js'
import { keepRoles, type RoleMapping } from './role-mapping.js'

/** An account as another system describes it, in the form in which it is stored. */
export interface ImportedAccount {
  email: string
  /** Other forms in which an earlier version may have stored this address. */
  earlierEmails: readonly string[]
  username: string | null
  externalId: string | null
  roles: readonly string[]
  claims: Record<string, unknown> | null
  metadata: Record<string, unknown> | null
  passwordHash: string
  mustChangePassword: boolean
  disabled: boolean
  createdAt: Date | null
  updatedAt: Date | null
}

export interface ReadingOptions {
  /** Maps the roles of the other system to roles here. */
  mapRoles?: RoleMapping | undefined
  /** The claim of access tokens that contains the claims. */
  claimsNamespace?: string
}

/** Every field in its two spellings. */
const FIELDS = {
  email: ['email'],
  username: ['username'],
  externalId: ['external_id', 'externalId'],
  roles: ['roles'],
  claims: ['claims'],
  metadata: ['metadata'],
  passwordHash: ['password_hash', 'passwordHash'],
  mustChangePassword: ['must_change_password', 'mustChangePassword'],
  disabled: ['disabled'],
  createdAt: ['created_at', 'createdAt'],
  updatedAt: ['updated_at', 'updatedAt'],
} as const

const KNOWN_NAMES: ReadonlySet<string> = new Set(Object.values(FIELDS).flat())

// The limit for a name at the sign-in; see the routes.
const USERNAME_MAX_LENGTH = 320
const EXTERNAL_ID_MAX_LENGTH = 255
// Postgres cannot store a NUL, and half a surrogate pair is not text.
const UNSTORABLE = /[\0\uFFFD\p{Cs}]/u

/**
 * Reads one line of an import, a JSON object. A field with null or empty text counts as missing.
 *
 * @param onIgnored called with the name of each unknown field
 * @throws ImportError that says what is wrong; it never contains a part of the line, which may be a hash
 */
export function readAccount(
  line: string,
  onIgnored: (field: string) => void,
  { mapRoles = keepRoles, claimsNamespace = CLAIMS_NAMESPACE }: ReadingOptions = {},
): ImportedAccount {
  const record = parse(line)
  for (const name in record) if (!KNOWN_NAMES.has(name)) onIgnored(name)
  const createdAt = readInstant(readField(record, 'createdAt'), 'created_at')
  const updatedAt = readInstant(readField(record, 'updatedAt'), 'updated_at')
  // Equal times mean that the account was never changed since an administrator created it: so the administrator chose
  // its password, and knows it.
  const isUntouched = createdAt !== null && updatedAt !== null && createdAt.getTime() === updatedAt.getTime()
  const { email, earlierEmails } = readEmail(readField(record, 'email'))
  const roles = readRoles(readField(record, 'roles'), mapRoles)
  const claims = readObject(readField(record, 'claims'), 'claims', readClaims)
  if (!fitBeside(roles, claims, claimsNamespace)) throw new ImportError('The claims are too long beside the roles.')
  return {
    email,
    earlierEmails,
    username: readUsername(readField(record, 'username'), email),
    externalId: readExternalId(readField(record, 'externalId')),
    roles,
    claims,
    metadata: readObject(readField(record, 'metadata'), 'metadata', readMetadata),
    passwordHash: readHash(readField(record, 'passwordHash')),
    mustChangePassword: readFlag(readField(record, 'mustChangePassword'), 'must_change_password') ?? isUntouched,
    disabled: readFlag(readField(record, 'disabled'), 'disabled') ?? false,
    createdAt,
    updatedAt,
  }
}

function parse(line: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new ImportError('This is not JSON.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ImportError('This is not a JSON object.')
  return value as Record<string, unknown>
}

function readField(record: Record<string, unknown>, field: keyof typeof FIELDS): unknown {
  const given = FIELDS[field].filter(name => record[name] !== undefined && record[name] !== null && record[name] !== '')
  if (given.length > 1) throw new ImportError(`Give either ${given.join(' or ')}.`)
  return given[0] === undefined ? undefined : record[given[0]]
}

function readEmail(value: unknown): Pick<ImportedAccount, 'email' | 'earlierEmails'> {
  if (value === undefined) throw new ImportError('The email is missing.')
  if (typeof value !== 'string' || UNSTORABLE.test(value)) throw new ImportError('The email is not an e-mail address.')
  try {
    return { email: normaliseEmail(value), earlierEmails: earlierEmailForms(value) }
  } catch (error) {
    if (error instanceof LatchkeyError) throw new ImportError('The email is not an e-mail address.')
    throw error
  }
}

function readUsername(value: unknown, email: string): string | null {
  const text = readText(value, 'username', USERNAME_MAX_LENGTH)
  if (text === undefined) return null
  try {
    return normaliseUsername(text, email)
  } catch (error) {
    if (error instanceof LatchkeyError && error.detail !== undefined) throw new ImportError(error.detail)
    throw error
  }
}

function readText(value: unknown, field: string, maxLength: number): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string') throw new ImportError(`The ${field} is not text.`)
  if (value.length > maxLength) throw new ImportError(`The ${field} has more than ${maxLength} characters.`)
  if (UNSTORABLE.test(value)) throw new ImportError(`The ${field} contains invalid characters.`)
  return value
}

/** In most systems ids are numbers. From 2^53 on, two of them could be read as the same number. */
function readExternalId(value: unknown): string | null {
  if (typeof value !== 'number') return readText(value, 'external_id', EXTERNAL_ID_MAX_LENGTH) ?? null
  if (!Number.isSafeInteger(value))
    throw new ImportError('The external_id is not a whole number below 2^53: write it as text.')
  return String(value)
}

function readRoles(value: unknown, mapRoles: RoleMapping): readonly string[] {
  if (value === undefined) return []
  if (!Array.isArray(value) || !value.every(role => typeof role === 'string')) {
    throw new ImportError('The roles are not a list of texts.')
  }
  try {
    return normaliseRoles(mapRoles(value))
  } catch (error) {
    if (error instanceof LatchkeyError) throw new ImportError(`The roles cannot be imported: ${error.detail}`)
    throw error
  }
}

/** @param read as for a request; throws a LatchkeyError */
function readObject(
  value: unknown,
  field: string,
  read: (value: unknown) => Record<string, unknown> | null,
): Record<string, unknown> | null {
  if (value === undefined) return null
  try {
    return read(value)
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    const [wrong] = error.errors ?? []
    const reason = wrong ? `${wrong.field} ${wrong.message}.` : error.detail
    throw new ImportError(`The ${field} cannot be imported: ${reason}`)
  }
}

function readHash(value: unknown): string {
  if (value === undefined) throw new ImportError('The password_hash is missing.')
  const hash = storedForm(value)
  if (hash === UNUSABLE_HASH) return hash
  const verdict = checkHash(hash)
  if (verdict !== 'valid') throw new ImportError(HASH_PROBLEMS[verdict])
  return hash
}

const HASH_PROBLEMS = {
  unknown: 'The password_hash has an unknown scheme.',
  damaged: 'The password_hash is damaged.',
  too_costly: 'The password_hash costs too much to verify.',
}

/** A hash from Keycloak is an object. */
function storedForm(value: unknown): string {
  if (typeof value === 'object' && value !== null) return convertKeycloakCredential(value) ?? ''
  return typeof value === 'string' ? convertHash(value) : ''
}

function readFlag(value: unknown, field: string): boolean | undefined {
  if (value !== undefined && typeof value !== 'boolean')
    throw new ImportError(`The ${field} is neither true nor false.`)
  return value
}

// RFC 3339, and as Postgres writes it: a space instead of the T, an offset of hours only, or no offset.
const INSTANT = /^((?:19|2\d)\d\d-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))? ?(Z|[+-]\d\d(?::?\d\d)?)?$/

/**
 * Reads an instant to the millisecond. Without an offset it is UTC. Null if the field is missing.
 *
 * @throws ImportError
 */
function readInstant(value: unknown, field: string): Date | null {
  if (value === undefined) return null
  const parts = typeof value === 'string' ? INSTANT.exec(value) : null
  if (!parts) throw invalidInstant(field)
  const [, day, time, fraction = '', offset = 'Z'] = parts
  const milliseconds = fraction.padEnd(3, '0').slice(0, 3)
  const instant = new Date(`${day}T${time}.${milliseconds}${withMinutes(offset)}`)
  // A Date reads the 31st of February as the 2nd of March.
  const midnight = new Date(`${day}T00:00:00Z`)
  if (Number.isNaN(instant.getTime()) || !midnight.toISOString().startsWith(day!)) throw invalidInstant(field)
  return instant
}

function invalidInstant(field: string): ImportError {
  return new ImportError(`The ${field} is not a time such as 2024-05-01T12:00:00Z.`)
}

function withMinutes(offset: string): string {
  if (offset === 'Z') return offset
  const digits = offset.replace(':', '').padEnd(5, '0')
  return `${digits.slice(0, 3)}:${digits.slice(3)}`
}
