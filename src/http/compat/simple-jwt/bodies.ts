import { MIMEType } from 'node:util'
import { Busboy } from '@fastify/busboy'
import type { FastifyInstance, FastifyRequest } from 'fastify'
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
    const message = text === undefined ? typeError(value) : contentError(text)
    if (message !== undefined) errors.push({ field: name, message })
    else fields[name] = TRIMMED_FIELDS.has(name) ? text!.trim() : text!
  }
  if (errors.length > 0) throw new LatchkeyError('invalid_request', { errors })
  return fields
}

const TRIMMED_FIELDS: ReadonlySet<string> = new Set(['username', 'email'])

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
  // What decoders of forms write for bytes that are no UTF-8, whatever they were.
  return text.includes('\uFFFD') ? 'Not a valid string.' : undefined
}

function pythonType(value: unknown): string {
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'string') return 'str'
  if (typeof value === 'boolean') return 'bool'
  return Number.isInteger(value) ? 'int' : 'float'
}

/**
 * Takes bodies as JSON or as a form of either kind, as Django REST framework does; an empty body is one without fields. Nothing here
 * looks at the fields: a body is plain data whose own members are asked for by name, so `__proto__` is a name as any.
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
      // Of a field that comes twice, the last one counts.
      Object.fromEntries(new URLSearchParams(decode(body))),
  )
  app.addContentTypeParser(
    'multipart/form-data',
    // Read as a whole, which the limit of the route keeps small: there are no streams to be left open.
    { parseAs: 'buffer' },
    async ({ headers }: FastifyRequest, body: Buffer) => parseMultipart(body, headers['content-type']!),
  )
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(decode(body))
  } catch (cause) {
    if (cause instanceof LatchkeyError) throw cause
    // What the parser says quotes the body, which may be a password.
    throw new LatchkeyError('invalid_json')
  }
}

/** Bytes that are no UTF-8 are refused: replaced by one character, two passwords would be the same. */
function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new LatchkeyError('invalid_json', { detail: 'The body is not UTF-8.' })
  }
}

/** Far more than any form for four fields has. Sizes are bytes. */
const LIMITS = { parts: 32, headerPairs: 8, headerSize: 1024, fieldSize: 8192, fileSize: 8192 }

/** RFC 2046, 5.1.1. Beyond some more the library throws. */
const BOUNDARY_MAX_LENGTH = 70

/** Stands for a file: no field here takes one. */
const FILE = Object.freeze({})

/**
 * Reads the fields of a `multipart/form-data` body (RFC 7578) as Django REST framework does: of a field that comes
 * twice the last one counts, a file counts before any text, and a part without a name is passed over. Bytes that are no
 * UTF-8 become U+FFFD, which readFields refuses. Other than in Django, a body without its closing boundary is refused: the
 * last field may have been cut.
 *
 * @throws LatchkeyError multipart_invalid
 */
async function parseMultipart(body: Buffer, contentType: string): Promise<Record<string, unknown>> {
  const boundary = new MIMEType(contentType).params.get('boundary')
  if (!boundary) throw malformed('Invalid boundary in multipart: None')
  if (boundary.length > BOUNDARY_MAX_LENGTH) throw malformed('Invalid boundary in multipart: too long')
  if (body.length === 0) return {}
  const { texts, files } = await readParts(body, contentType)
  // Names are the client's own: `__proto__` is one like any other here, and a member of nothing else.
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
