import { catalogue, type ErrorCode } from '../../../lib/errors.js'
import { type TProperties, type TSchema, Type, userSchema } from '../../schemas.js'
import { type Spelling, spell, spellFields } from './answers.js'

const name = Type.String({ maxLength: 320 })
const password = Type.String({ maxLength: 1024 })
const remember = Type.Optional(
  Type.Boolean({ description: 'False for a session that lasts hours, not weeks; by default true.' }),
)

/**
 * The schemas of the bodies and answers. They describe the API in OpenAPI and serialise successful answers; fields.ts
 * validates the bodies.
 */
export function envelopeSchemas(spelling: Spelling) {
  const spelled = (properties: TProperties) => spellFields(properties, spelling) as TProperties
  const tokens = {
    access_token: Type.String(),
    refresh_token: Type.String(),
    expires_in: Type.Integer({ description: 'Lifetime of the access token, in seconds.' }),
    token_type: Type.Literal('Bearer'),
  }
  const refreshToken = Type.String({ maxLength: 1024 })
  // This API never had claims.
  const { claims: _, ...userProperties } = userSchema.properties
  const field = spell('refresh_token', spelling)
  return {
    tokens: answerOf('EnvelopeTokens', 'The tokens of the session.', Type.Object(spelled(tokens))),
    user: answerOf('EnvelopeUser', 'The user.', Type.Object(spelled(userProperties))),
    letter: answerOf(
      'EnvelopeLetter',
      'With `REGISTRATION=verified`: a letter is sent to the address, whether or not it has an account.',
      Type.Null(),
    ),
    nothing: answerOf('EnvelopeNothing', 'The sessions are revoked.', Type.Null()),
    registration: Type.Object({ email: name, password, remember }),
    credentials: Type.Object({
      email: Type.Optional(name),
      username: Type.Optional(
        Type.String({ maxLength: 320, description: 'Instead of `email`. It can be the e-mail address too.' }),
      ),
      password,
      remember,
    }),
    refresh: Type.Object({ [field]: refreshToken }),
    logout: Type.Union([Type.Object({ [field]: Type.Optional(refreshToken) }), Type.Null()]),
  }
}

const message = Type.String({
  description: 'A sentence for people, in the language of `Accept-Language`: English, French or Spanish.',
})

function answerOf(title: string, description: string, data: TProperties[string]) {
  return Type.Object({ success: Type.Literal(true), message, data }, { title, description })
}

const failure = Type.Object(
  {
    success: Type.Literal(false),
    message,
    code: Type.String({ description: 'A stable identifier of the error, as in our problem details.' }),
    errors: Type.Optional(Type.Array(Type.Object({ field: Type.String(), message: Type.String() }))),
  },
  { title: 'EnvelopeFailure' },
)

/** The errors among the response schemas of a route: one entry for each status, with its codes. */
export function failures(...codes: ErrorCode[]): Record<number, TSchema> {
  const byStatus = new Map<number, string[]>()
  for (const code of [...codes, ...EVERYWHERE]) {
    const { status, title } = catalogue[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), `\`${code}\`: ${title}`])
  }
  return Object.fromEntries(
    [...byStatus].map(([status, lines]) => [status, { description: lines.join('\n\n'), allOf: [failure] }]),
  )
}

const EVERYWHERE = [
  'invalid_request',
  'ambiguous_request',
  'cross_site_request',
  'store_unavailable',
  'internal_error',
] as const satisfies ErrorCode[]

/** The errors of every route with a body. */
export const bodyErrors = ['invalid_json', 'body_too_large', 'unsupported_media_type'] as const satisfies ErrorCode[]
