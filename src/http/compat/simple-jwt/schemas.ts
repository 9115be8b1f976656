import { Type } from '../../schemas.js'
import { simpleJwtRefusalSchema } from './refusals.js'

// What the OpenAPI document says of the endpoints; readFields validates the fields.

export const nothing = Type.Object({}, { description: 'An empty object.' })
// In Simple JWT's order, which differs between the two endpoints.
export const tokenPair = Type.Object(
  { refresh: Type.String(), access: Type.String() },
  { title: 'TokenPair', description: 'The refresh token and the access token.' },
)
export const rotatedPair = Type.Object(
  { access: Type.String(), refresh: Type.String() },
  { title: 'RotatedTokenPair', description: 'The new access token and the new refresh token.' },
)
export const credentialsBody = Type.Union([
  Type.Object({ username: Type.String(), password: Type.String() }),
  Type.Object({ email: Type.String(), password: Type.String() }),
])
export const signInExamples = {
  username: {
    summary: 'A sign-in name, or an e-mail address',
    value: { username: 'ada@example.com', password: 'seven green boats at noon' },
  },
}
const detailed = (description: string) =>
  Type.Object({ detail: Type.String(), code: Type.Optional(Type.String()) }, { description })
/** The answers of every endpoint to a request that is refused. */
export const refusals = {
  400: Type.Object(
    {},
    {
      additionalProperties: Type.Union([Type.Array(Type.String()), Type.String()]),
      description: 'The errors, by field; or `detail`, if the body cannot be read.',
    },
  ),
  401: simpleJwtRefusalSchema,
  403: detailed('`password_change_required`, `client_required`, `too_many_sessions` and `cross_site_request`'),
  413: detailed('`body_too_large`'),
  415: detailed('The media type of the body is not supported.'),
  429: detailed('Too many requests.'),
  500: detailed('`internal_error`'),
  503: detailed('Try again after `Retry-After` seconds.'),
}
