import type { FastifyInstance, FastifyRequest } from 'fastify'
import { LatchkeyError } from '../../../lib/errors.js'
import { parseJson } from '../simple-jwt/bodies.js'
import { spell } from './answers.js'
import type { FieldProblem } from './messages/sentences.js'

/** What a field accepts. */
type Kind = 'name' | 'password' | 'token' | 'boolean'
type ValueOf<K extends Kind> = K extends 'boolean' ? boolean : string

/**
 * Reads fields of a body, in either spelling: `refresh_token` or `refreshToken`. A field that is null or empty is
 * missing. Other fields are ignored, because older clients send more than this service needs.
 *
 * @throws LatchkeyError invalid_request, whose `errors` contain a {@link FieldProblem} for every invalid field
 */
export function readFields<R extends Record<string, Kind>, O extends Record<string, Kind> = Record<never, Kind>>(
  body: unknown,
  required: R,
  optional: O = {} as O,
): { [N in keyof R]: ValueOf<R[N]> } & { [N in keyof O]?: ValueOf<O[N]> } {
  const members = membersOf(body)
  const errors: { field: string; message: FieldProblem }[] = []
  const fields: Record<string, unknown> = {}
  for (const [field, kind] of Object.entries({ ...required, ...optional })) {
    const { value, isTwice } = find(members, field)
    const isMissing = isEmpty(value)
    if (isMissing && !Object.hasOwn(required, field)) continue
    const message = isTwice ? 'given_twice' : isMissing ? 'required' : problemOf(kind, value)
    if (message === undefined) fields[field] = value
    else errors.push({ field, message })
  }
  if (errors.length > 0) throw new LatchkeyError('invalid_request', { errors })
  return fields as ReturnType<typeof readFields<R, O>>
}

/** Whether a body has a field that is not empty, in either spelling. */
export function hasField(body: unknown, field: string): boolean {
  return !isEmpty(find(membersOf(body), field).value)
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}

function membersOf(body: unknown): Record<string, unknown> {
  if (body === undefined || body === null) return {}
  if (typeof body !== 'object' || Array.isArray(body)) throw new LatchkeyError('invalid_request')
  return body as Record<string, unknown>
}

function find(members: Record<string, unknown>, field: string): { value: unknown; isTwice: boolean } {
  const names = [...new Set([field, spell(field, 'camel')])].filter(name => Object.hasOwn(members, name))
  return { value: names.length > 0 ? members[names[0]!] : undefined, isTwice: names.length > 1 }
}

/** The limits of our own routes (routes/auth/sign-in-fields.ts). */
const MAX_LENGTHS = { name: 320, password: 1024, token: 1024 }

function problemOf(kind: Kind, value: unknown): FieldProblem | undefined {
  if (kind === 'boolean') return typeof value === 'boolean' ? undefined : 'not_boolean'
  if (typeof value !== 'string') return 'not_text'
  if ([...value].length > MAX_LENGTHS[kind]) return 'too_long'
  // Two different names or passwords with such characters could become equal. Postgres cannot store NUL.
  if (/[\uFFFD\p{Cs}]/u.test(value)) return 'bad_characters'
  return kind === 'name' && value.includes('\0') ? 'bad_characters' : undefined
}

/** Accepts bodies as JSON. An empty body has no fields: many clients send the type of a body that they do not send. */
export function parseBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) =>
    body.length === 0 ? undefined : parseJson(body),
  )
}
