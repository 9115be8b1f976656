import { type Static, type TProperties, Type } from 'typebox'
import { catalogue, type ErrorCode } from '../lib/errors.js'

// Every route imports TypeBox from here, so that all use the same copy.
export { type Static, type TProperties, Type }

/** A request body. Unknown fields are refused. */
export function bodyOf<T extends TProperties>(properties: T) {
  return Type.Object(properties, { additionalProperties: false })
}

/** A request body that can be missing; the handler then gets undefined or null. */
export function optionalBodyOf<T extends TProperties>(properties: T) {
  return Type.Union([bodyOf(properties), Type.Null()])
}

/** In lower or upper case, with hyphens. */
export const uuidSchema = Type.String({ format: 'uuid' })

/** An id in a request. The format alone would accept `urn:uuid:`, which Postgres does not read. */
export const idSchema = Type.String({ ...uuidSchema, maxLength: 36 })

// A list of types serialises an order of magnitude faster than anyOf.
const nullableString = Type.Unsafe<string | null>({ type: ['string', 'null'] })
const timestamp = Type.String({ format: 'date-time' })
const nullableTimestamp = Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time' })

export const userSchema = Type.Object({
  id: uuidSchema,
  email: Type.String(),
  username: nullableString,
  roles: Type.Array(Type.String()),
  created_at: timestamp,
})
export type UserView = Static<typeof userSchema>

/** The answer to signing in, registering, a refresh, and a change or reset of the password. */
export const tokenResponseSchema = Type.Object({
  access_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer({ description: 'Lifetime of the access token, in seconds.' }),
  refresh_token: Type.Optional(
    Type.String({ description: 'Only with `transport: "body"`; otherwise it is in a cookie.' }),
  ),
  session_id: uuidSchema,
  user: userSchema,
})
export type TokenResponse = Static<typeof tokenResponseSchema>

const deviceSchema = Type.Object({ browser: nullableString, os: nullableString, kind: nullableString })
const locationSchema = Type.Object({ country: nullableString, city: nullableString })

export const sessionSchema = Type.Object({
  id: uuidSchema,
  current: Type.Boolean({ description: 'True for the session that makes the request.' }),
  device: Type.Unsafe<Static<typeof deviceSchema> | null>({ ...deviceSchema, type: ['object', 'null'] }),
  label: nullableString,
  ip: nullableString,
  location: Type.Unsafe<Static<typeof locationSchema> | null>({ ...locationSchema, type: ['object', 'null'] }),
  auth_methods: Type.Array(Type.String(), { description: 'How the user signed in (RFC 8176): `pwd` is a password.' }),
  transport: Type.Union([Type.Literal('cookie'), Type.Literal('body')]),
  remember: Type.Boolean({ description: 'False if the cookie ends when the browser is closed.' }),
  created_at: timestamp,
  last_active_at: nullableTimestamp,
  expires_at: Type.String({ format: 'date-time', description: 'The absolute end, which never changes.' }),
  idle_expires_at: Type.String({
    format: 'date-time',
    description: 'When the session ends if it is not refreshed before.',
  }),
  is_active: Type.Boolean(),
})
export type SessionView = Static<typeof sessionSchema>

/** A security event of an account. */
export const eventSchema = Type.Object({
  id: uuidSchema,
  at: timestamp,
  type: Type.String({ description: 'docs/events.md describes each type.' }),
  session_id: nullableString,
  actor: Type.String({ description: 'Who caused the event.' }),
  ip: nullableString,
  user_agent: nullableString,
  device: Type.Unsafe<Static<typeof deviceSchema> | null>({ ...deviceSchema, type: ['object', 'null'] }),
  details: Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true }),
})
export type EventView = Static<typeof eventSchema>

/** A page of events, newest first. */
export const eventPageSchema = Type.Object({
  events: Type.Array(eventSchema),
  next: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'The `before` of the next page; null on the last page.',
  }),
})

/** RFC 9457. The plugin problem-details adds it to the app as `Problem`. */
export const problemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'A stable identifier of the error, for programs.' }),
    detail: Type.Optional(Type.String()),
    errors: Type.Optional(Type.Array(Type.Object({ field: Type.String(), message: Type.String() }))),
    messages: Type.Optional(
      Type.Array(Type.Object({ token_class: Type.String(), token_type: Type.String(), message: Type.String() }), {
        description: 'Only if an access token of the Simple JWT API is refused.',
      }),
    ),
    ticket: Type.Optional(
      Type.String({
        description:
          'Only with `refresh_token_superseded`, for a token from the body. If you send that token again, send ' +
          'the ticket with it.',
      }),
    ),
    request_id: Type.Optional(Type.String()),
  },
  { $id: 'Problem', title: 'Problem' },
)

/**
 * The errors among a route's response schemas: one entry for each status, with its codes. Spread it after the other
 * responses: `response: { 200: tokenResponseSchema, ...errorResponses('invalid_credentials', 'rate_limited') }`.
 */
export function errorResponses<C extends ErrorCode>(...codes: C[]): { [S in StatusOf<C>]: ErrorResponse } {
  const responses: Record<number, ErrorResponse> = {}
  for (const code of codes) {
    const { status, title } = catalogue[code]
    const line = `\`${code}\`: ${title}`
    const before = responses[status]?.description
    responses[status] = {
      description: before === undefined ? line : `${before}\n\n${line}`,
      content: { 'application/problem+json': { schema: Type.Ref('Problem#') } },
    }
  }
  return responses as { [S in StatusOf<C>]: ErrorResponse }
}

/** The errors of every route that requires an access token. */
export const accessTokenErrors = [
  'authentication_required',
  'token_invalid',
  'token_expired',
  'token_revoked',
  'token_stale',
] as const satisfies ErrorCode[]

/** The errors of every route that sets a new password. */
export const newPasswordErrors = [
  'password_blank',
  'password_too_short',
  'password_too_long',
  'password_is_email',
  'password_too_common',
] as const satisfies ErrorCode[]

export type StatusOf<C extends ErrorCode> = (typeof catalogue)[C]['status']

export interface ErrorResponse {
  description: string
  content: { 'application/problem+json': { schema: ReturnType<typeof Type.Ref> } }
}
