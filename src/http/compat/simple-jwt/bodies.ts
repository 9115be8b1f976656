import { MIMEType } from 'node:util'
import { Busboy } from '@fastify/busboy'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { LatchkeyError } from '../../../lib/errors.js'

/**
 * Reads fields of a body as strings, by the rules and with the error messages of Django REST framework's CharField. Other
 * fields are ignored.
 *
 * Sign-in names are trimmed. Passwords and tokens are not: a space at the end of a password can be a part of it, and a
 * token has exactly one spelling.
 *
 * @throws LatchkeyError invalid_request, whose `errors` name every invalid field
 */
export function readFields<Name extends string>(body: unknown, ...names: Name[]): Record<Name, string> {
  const members = membersOf(body)
  const errors: { field: string; message: string }[] = []
  const fields = {} as Record<Name, string>
  for (const name of names) {
    const value = members[name]
    const text = asText(value)
    const message = text === undefined ? typeError(value) : contentError(text)
    if (message !== undefined) errors.push({ field: name, message })
    else fields[name] = TRIMMED_FIELDS.has(name) ? text!.trim() : text!
  }
  if (errors.length > 0) throw new LatchkeyError('invalid_request', { errors })
  return fields
}

const TRIMMED_FIELDS: ReadonlySet<string> = new Set(['username', 'email'])

/** Whether a body has this field. */
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

/** Accepts integers too: some usernames are numbers, and some clients send them as numbers. */
function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return Number.isSafeInteger(value) ? String(value) : undefined
}

function typeError(value: unknown): string {
  if (value === undefined) return 'This field is required.'
  return value === null ? 'This field may not be null.' : 'Not a valid string.'
}

function contentError(text: string): string | undefined {
  if (text.trim() === '') return 'This field may not be blank.'
  if (text.includes('\0')) return 'Null characters are not allowed.'
  const half = /\p{Cs}/u.exec(text)?.[0]
  if (half !== undefined)
    return `Surrogate characters are not allowed: U+${half.charCodeAt(0).toString(16).toUpperCase()}.`
  // Form decoders write U+FFFD for every byte sequence that is not UTF-8.
  return text.includes('\uFFFD') ? 'Not a valid string.' : undefined
}

function pythonType(value: unknown): string {
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'string') return 'str'
  if (typeof value === 'boolean') return 'bool'
  return Number.isInteger(value) ? 'int' : 'float'
}

/**
 * Accepts bodies as JSON or as a form of either kind, as Django REST framework does. An empty body has no fields. The
 * field names are not checked: readFields reads only own members by name, so `__proto__` is a name like any other.
 */
export function parseBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) =>
    body.length === 0 ? {} : parseJson(body),
  )
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer) =>
      // If a field appears more than once, the last value counts.
      Object.fromEntries(new URLSearchParams(decode(body))),
  )
  app.addContentTypeParser(
    'multipart/form-data',
    // Read as a whole, which the route's body limit keeps small, so that no stream can stay open.
    { parseAs: 'buffer' },
    async ({ headers }: FastifyRequest, body: Buffer) => parseMultipart(body, headers['content-type']!),
  )
}

/** Parses a JSON body. Throws `invalid_json`, which does not quote the body. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(decode(body))
  } catch (cause) {
    if (cause instanceof LatchkeyError) throw cause
    // The parser's message quotes the body, which can be a password.
    throw new LatchkeyError('invalid_json')
  }
}

/** Refuses bytes that are not UTF-8: a replacement character would make two different passwords equal. */
function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new LatchkeyError('invalid_json', { detail: 'The body is not UTF-8.' })
  }
}

/** Far more than a form with four fields needs. Sizes are bytes. */
const LIMITS = { parts: 32, headerPairs: 8, headerSize: 1024, fieldSize: 8192, fileSize: 8192 }

/** RFC 2046, 5.1.1. For much longer boundaries the library throws. */
const BOUNDARY_MAX_LENGTH = 70

/** The value of a field that is a file; no field here accepts one. */
const FILE = Object.freeze({})

/**
 * Reads the fields of a `multipart/form-data` body (RFC 7578) as Django REST framework does: if a field appears more than
 * once the last value counts, a file takes precedence over text, and a part without a name is ignored. Bytes that are not
 * UTF-8 become U+FFFD, which readFields refuses. Unlike in Django, a body without its closing boundary is refused: the
 * last field can be incomplete.
 *
 * @throws LatchkeyError multipart_invalid
 */
async function parseMultipart(body: Buffer, contentType: string): Promise<Record<string, unknown>> {
  const boundary = new MIMEType(contentType).params.get('boundary')
  if (!boundary) throw malformed('Invalid boundary in multipart: None')
  if (boundary.length > BOUNDARY_MAX_LENGTH) throw malformed('Invalid boundary in multipart: too long')
  if (body.length === 0) return {}
  const { texts, files } = await readParts(body, contentType)
  // The client chooses the names. `__proto__` becomes an own member here, like any other name.
  return Object.fromEntries([...texts, ...files])
}

interface Parts {
  texts: Map<string, string>
  files: Map<string, object>
}

function readParts(body: Buffer, contentType: string): Promise<Parts> {
  return new Promise((resolve, reject) => {
    const parts: Parts = { texts: new Map(), files: new Map() }
    const form = new Busboy({
      headers: { 'content-type': contentType },
      limits: LIMITS,
      isPartAFile: (_name, _type, fileName) => Boolean(fileName),
    })
    form.on('field', (name: string | undefined, value, _nameWasCut, _valueWasCut, encoding) => {
      if (name === undefined) return
      parts.texts.set(name.trim(), encoding === 'base64' ? Buffer.from(value, 'base64').toString() : value)
    })
    form.on('file', (name: string | undefined, content) => {
      if (name !== undefined) parts.files.set(name.trim(), FILE)
      content.on('error', () => {}).resume()
    })
    form.on('partsLimit', () => reject(malformed(`More than ${LIMITS.parts} parts`)))
    form.on('error', () => reject(malformed('The closing boundary is missing')))
    form.on('finish', () => resolve(parts))
    form.end(body)
  })
}

function malformed(detail: string): LatchkeyError {
  return new LatchkeyError('multipart_invalid', { detail })
}
