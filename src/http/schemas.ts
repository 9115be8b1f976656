import { type Static, type TProperties, type TSchema, Type } from 'typebox'
import { catalogue, type ErrorCode } from '../lib/errors.js'
import type { DocumentedErrors } from './openapi/documented.js'

// A schema with a title is a component of the OpenAPI document, under this name.
//
// Every route imports TypeBox from here, so that all use the same copy.
export { type Static, type TProperties, type TSchema, Type }

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
export const nullableString = Type.Unsafe<string | null>({ type: ['string', 'null'] })
const timestamp = Type.String({ format: 'date-time' })

/** Any JSON object. */
export function jsonObject(description: string) {
  return Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true, description })
}

export const nullableTimestamp = Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time' })

export const userSchema = Type.Object(
  {
    id: uuidSchema,
    email: Type.String({ examples: ['ada@example.com'] }),
    email_verified: Type.Boolean({ description: 'Whether the user has shown that letters to this address arrive.' }),
    username: nullableString,
    roles: Type.Array(Type.String(), { examples: [['editor']] }),
    claims: jsonObject('What the application says about the user in access tokens (docs/claims.md).'),
    created_at: timestamp,
  },
  { title: 'User', description: 'The signed-in user.' },
)
export type UserView = Static<typeof userSchema>

/** The answer to signing in, registering, a refresh, and a change or reset of the password. */
export const tokenResponseSchema = Type.Object(
  {
    access_token: Type.String({ description: 'Send it as `Authorization: Bearer …`.' }),
    token_type: Type.Literal('Bearer'),
    expires_in: Type.Integer({ description: 'Lifetime of the access token, in seconds.', examples: [900] }),
    refresh_token: Type.Optional(
      Type.String({
        description: 'Only with `transport: "body"`; otherwise it is in a cookie. Never with `rotate: false`.',
      }),
    ),
    session_id: uuidSchema,
    user: userSchema,
    deletion_cancelled: Type.Optional(
      Type.Boolean({
        description: 'True if the user had asked for the deletion of the account, and this sign-in has cancelled it.',
      }),
    ),
  },
  { title: 'TokenResponse', description: 'The tokens of the session, and its user.' },
)
export type TokenResponse = Static<typeof tokenResponseSchema>

const deviceSchema = Type.Object(
  { browser: nullableString, os: nullableString, kind: nullableString },
  { title: 'Device' },
)
const locationSchema = Type.Object({ country: nullableString, city: nullableString }, { title: 'Location' })

const sessionProperties = {
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
}
export const sessionSchema = Type.Object(sessionProperties, { title: 'Session' })
export type SessionView = Static<typeof sessionSchema>

const eventProperties = {
  id: uuidSchema,
  at: timestamp,
  type: Type.String({ description: 'docs/events.md describes each type.' }),
  session_id: nullableString,
  actor: Type.String({ description: 'Who caused the event.' }),
  ip: nullableString,
  user_agent: nullableString,
  device: Type.Unsafe<Static<typeof deviceSchema> | null>({ ...deviceSchema, type: ['object', 'null'] }),
  location: Type.Unsafe<Static<typeof locationSchema> | null>({ ...locationSchema, type: ['object', 'null'] }),
  details: Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true }),
}
/** A security event of an account. */
export const eventSchema = Type.Object(eventProperties, { title: 'Event' })
export type EventView = Static<typeof eventSchema>

/** A page of events, newest first. */
export const eventPageSchema = Type.Object(
  {
    events: Type.Array(eventSchema),
    next: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: 'The `before` of the next page; null on the last page.',
    }),
  },
  { title: 'EventPage', description: 'A page of events, newest first.' },
)

const fieldErrorSchema = Type.Object(
  { field: Type.String({ examples: ['email'] }), message: Type.String({ examples: ['is required'] }) },
  { title: 'FieldError' },
)
/** What Simple JWT says about a refused access token. */
export const tokenMessageSchema = Type.Object(
  { token_class: Type.String(), token_type: Type.String(), message: Type.String() },
  { title: 'TokenMessage' },
)

/** RFC 9457. The plugin problem-details adds it to the app as `Problem`. */
export const problemSchema = Type.Object(
  {
    type: Type.String({ description: 'The code as a URI.' }),
    title: Type.String({ description: 'A sentence for people, always the same for a code.' }),
    status: Type.Integer({ description: 'The HTTP status.' }),
    code: Type.String({ description: 'A stable identifier of the error, for programs.' }),
    detail: Type.Optional(Type.String({ description: 'What is wrong with this request, for people.' })),
    errors: Type.Optional(Type.Array(fieldErrorSchema, { description: 'The invalid fields, for a form.' })),
    messages: Type.Optional(
      Type.Array(tokenMessageSchema, { description: 'Only if an access token of the Simple JWT API is refused.' }),
    ),
    ticket: Type.Optional(
      Type.String({
        description:
          'Only with `refresh_token_superseded`, for a token from the body. If you send that token again, send ' +
          'the ticket with it.',
      }),
    ),
    request_id: Type.String({ description: 'As in the header `X-Request-Id`.' }),
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
      codes: [...(responses[status]?.codes ?? []), code],
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

export interface ErrorResponse extends DocumentedErrors {
  description: string
  content: { 'application/problem+json': { schema: ReturnType<typeof Type.Ref> } }
}
