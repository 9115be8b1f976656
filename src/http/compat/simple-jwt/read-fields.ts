import { LatchkeyError } from '../../../lib/errors.js'

/**
 * The fields of a body as texts, read by the rules of Django REST framework's CharField and refused in its words. Fields
 * that were not asked for are ignored.
 *
 * Names are trimmed, and credentials are taken as they came: the space at the end of a password may be a part of it, and
 * a token has one spelling.
 *
 * @throws LatchkeyError invalid_request, whose errors name every field at fault
 */
export function readFields<Name extends string>(body: unknown, ...names: Name[]): Record<Name, string> {
  const members = membersOf(body)
  const errors: { field: string; message: string }[] = []
  const fields = {} as Record<Name, string>
  for (const name of names) {
    const value = members[name]
    const text = asText(value)
    const message = text === undefined ? whyNoText(value) : whyUnfit(text)
    if (message !== undefined) errors.push({ field: name, message })
    else fields[name] = NAMES.has(name) ? text!.trim() : text!
  }
  if (errors.length > 0) throw new LatchkeyError('invalid_request', { errors })
  return fields
}

const NAMES: ReadonlySet<string> = new Set(['username', 'email'])

/** Whether a body has this field at all. */
export function hasField(body: unknown, name: string): boolean {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, name)
}

function membersOf(body: unknown): Record<string, unknown> {
  if (body === undefined) return {}
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>
  const message =
    body === null ? 'No data provided' : `Invalid data. Expected a dictionary, but got ${pythonType(body)}.`
  throw new LatchkeyError('invalid_request', { errors: [{ field: 'non_field_errors', message }] })
}

/** Numbers pass for texts: there are usernames that are numbers, and clients that send them so. */
function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return Number.isSafeInteger(value) ? String(value) : undefined
}

function whyNoText(value: unknown): string {
  if (value === undefined) return 'This field is required.'
  return value === null ? 'This field may not be null.' : 'Not a valid string.'
}

function whyUnfit(text: string): string | undefined {
  if (text.trim() === '') return 'This field may not be blank.'
  if (text.includes('\0')) return 'Null characters are not allowed.'
  const half = /\p{Cs}/u.exec(text)?.[0]
  if (half !== undefined)
    return `Surrogate characters are not allowed: U+${half.charCodeAt(0).toString(16).toUpperCase()}.`
  // What decoders of forms write for bytes that are no UTF-8, whatever they were.
  return text.includes('\uFFFD') ? 'Not a valid string.' : undefined
}

function pythonType(value: unknown): string {
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'string') return 'str'
  if (typeof value === 'boolean') return 'bool'
  return Number.isInteger(value) ? 'int' : 'float'
}
