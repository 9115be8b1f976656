import type { FastifyReply } from 'fastify'
import type { ErrorCode, LatchkeyError } from '../../../lib/errors.js'
import { accessTokenMessage, accessTokenMessages, SIMPLE_JWT_WORDS, setErrorHeaders } from '../../errors/problem.js'
import { Type, tokenMessageSchema } from '../../schemas.js'

/** The body of a refused token or sign-in. */
export const simpleJwtRefusalSchema = Type.Object(
  {
    detail: Type.String(),
    code: Type.Optional(Type.String()),
    messages: Type.Optional(Type.Array(tokenMessageSchema)),
  },
  {
    title: 'SimpleJwtRefusal',
    description: 'A refused token has the code `token_not_valid`. A refused sign-in has no code.',
  },
)

/**
 * Sends an error as Simple JWT does, with the headers that its status requires.
 *
 * @param refusal by default the answer of Simple JWT's four endpoints
 */
export function sendRefusal(
  reply: FastifyReply,
  error: LatchkeyError,
  { status, body }: Refusal = refusalOf(error, reply.request.headers['content-type']),
): FastifyReply {
  reply.code(status).type('application/json')
  setErrorHeaders(reply, error)
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="api"')
  // A string is not serialised by the route's response schemas, which can belong to another format.
  return reply.send(JSON.stringify(body))
}

/**
 * The answer that a Django view protected by Simple JWT gives if it refuses an access token, wherever the token was made,
 * or a header without a token. Undefined for every other error.
 *
 * @param authorization the header of this name; undefined if the token was in a cookie
 * @param isRefreshToken whether a text is a refresh token of this service, valid or not
 */
export function viewRefusalOf(
  { code, account }: LatchkeyError,
  authorization: string | undefined,
  isRefreshToken: (text: string) => boolean,
): Refusal | undefined {
  const message = SIMPLE_JWT_WORDS[code]
  if (message === undefined) return undefined
  if (account !== undefined) return unauthorised(ACCOUNT_REFUSALS[account])
  if (code !== 'token_invalid' || authorization === undefined) return notValid(message)
  const [scheme, ...values] = authorization.split(/[ \t]+/)
  if (scheme!.toLowerCase() !== 'bearer') return unauthorised({ detail: CREDENTIALS_NOT_PROVIDED })
  if (values.length !== 1) return unauthorised(BAD_HEADER)
  return notValid(isRefreshToken(values[0]!) ? WRONG_TYPE : message)
}

/** Django REST framework's message for a request without credentials. */
export const CREDENTIALS_NOT_PROVIDED = 'Authentication credentials were not provided.'

/** Simple JWT's answers to a valid token whose user was deleted or disabled. */
const ACCOUNT_REFUSALS = {
  deleted: { detail: 'User not found', code: 'user_not_found' },
  disabled: { detail: 'User is inactive', code: 'user_inactive' },
}
const BAD_HEADER = {
  detail: 'Authorization header must contain two space-delimited values',
  code: 'bad_authorization_header',
}

function notValid(message: string): Refusal {
  const messages = [accessTokenMessage(message)]
  return unauthorised({ detail: 'Given token not valid for any token type', code: 'token_not_valid', messages })
}

function unauthorised(body: Record<string, unknown>): Refusal {
  return { status: 401, body }
}

/** The answer that Simple JWT, or Django REST framework around it, would give. */
interface Refusal {
  status: number
  body: Record<string, unknown>
}

/**
 * Translates an error into Simple JWT's format. Errors that Simple JWT does not have keep their own code beside the
 * detail: `password_change_required` tells a client what to do next.
 *
 * @param contentType the request's Content-Type
 */
function refusalOf(error: LatchkeyError, contentType = ''): Refusal {
  const { status, code, errors } = error
  // For a refresh token only: at these paths Simple JWT does not look up the user of an access token.
  if (code === 'user_disabled' || (code === 'session_revoked' && error.account === 'deleted'))
    return { status, body: { detail: NO_ACCOUNT } }
  const token = TOKEN_REFUSALS[code]
  if (token !== undefined) {
    const messages = accessTokenMessages(error)
    const detail = error.detail === WRONG_TYPE ? WRONG_TYPE : token
    return { status, body: { detail, code: 'token_not_valid', ...(messages && { messages }) } }
  }
  const plain = plainDetail(error, contentType)
  if (plain !== undefined) return { status, body: { detail: plain } }
  if (errors !== undefined && code === 'invalid_request') return { status, body: byField(errors) }
  return { status, body: { detail: error.detail ?? error.message, code } }
}

/** The detail of a token that is valid, but not of the type that the request needs. */
export const WRONG_TYPE = 'Token has wrong type'

const INVALID = 'Token is invalid'
const EXPIRED = 'Token is expired'
const NO_ACCOUNT = 'No active account found for the given token.'
const BLACKLISTED = 'Token is blacklisted'

const TOKEN_REFUSALS: Partial<Record<ErrorCode, string>> = {
  ...SIMPLE_JWT_WORDS,
  refresh_token_invalid: INVALID,
  refresh_token_unknown: INVALID,
  refresh_token_expired: EXPIRED,
  refresh_token_superseded: BLACKLISTED,
  refresh_token_reused: BLACKLISTED,
  session_expired: EXPIRED,
  session_revoked: BLACKLISTED,
}

/** The details of errors that have no code in Simple JWT. */
function plainDetail(error: LatchkeyError, contentType: string): string | undefined {
  switch (error.code) {
    case 'invalid_credentials':
      return 'No active account found with the given credentials'
    case 'invalid_json':
      return `JSON parse error - ${error.detail ?? error.message}`
    case 'multipart_invalid':
      return `Multipart form parse error - ${error.detail ?? error.message}`
    case 'unsupported_media_type':
      return `Unsupported media type "${contentType.slice(0, 100)}" in request.`
    case 'not_found':
      return 'Not found.'
    case 'method_not_allowed':
      return error.detail ?? error.message
    case 'rate_limited': {
      const seconds = Math.max(1, Math.ceil(error.retryAfterSeconds ?? 1))
      return `Request was throttled. Expected available in ${seconds} second${seconds === 1 ? '' : 's'}.`
    }
    default:
      return undefined
  }
}

function byField(errors: readonly { field: string; message: string }[]): Record<string, string[]> {
  return Object.fromEntries(errors.map(({ field, message }) => [field, [message]]))
}

/** The parts of Django REST framework's answer to OPTIONS that differ between views. */
export interface View {
  name: string
  description: string
  /** The value of the header Allow. */
  allow: string
  /** The media types of the bodies that the view accepts. */
  parses: readonly string[]
  /** The fields of POST; all of them are strings and required. */
  fields?: readonly string[]
}

/** Answers OPTIONS as Django REST framework does. Some clients read there whether they can post, and which fields. */
export function describeView(reply: FastifyReply, { allow, fields, name, description, parses }: View): FastifyReply {
  const field = (name: string) => ({ type: 'string', required: true, read_only: false, label: labelOf(name) })
  return reply.header('allow', allow).send({
    name,
    description,
    renders: ['application/json'],
    parses,
    ...(fields && { actions: { POST: Object.fromEntries(fields.map(name => [name, field(name)])) } }),
  })
}

function labelOf(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}
