/** The response headers that the document describes. */
export const headers = {
  'X-Request-Id': {
    description: 'The id of the request. Quote it to the operator, who finds it in the log.',
    required: true,
    schema: { type: 'string' },
  },
  'Cache-Control': {
    description: 'Whether the answer can be stored. Tokens, accounts, sessions and errors cannot: `no-store`.',
    schema: { type: 'string' },
  },
  'Retry-After': {
    description: 'Seconds until a retry can succeed.',
    schema: { type: 'string', pattern: '^[0-9]+$', examples: ['30'] },
  },
  'WWW-Authenticate': {
    description: 'How to authenticate. `error="invalid_token"` means that a token was sent and refused (RFC 6750).',
    required: true,
    schema: { type: 'string' },
  },
  Allow: {
    description: 'The methods that the path has.',
    required: true,
    schema: { type: 'string' },
  },
  'Set-Cookie': {
    description:
      'The cookies of the session, and the cookie that recognises the browser at the next sign-in. Pages cannot read ' +
      'them. One header for each cookie.',
    schema: { type: 'string' },
  },
  'Content-Disposition': {
    description: 'Browsers store the answer as a file with this name.',
    required: true,
    schema: { type: 'string', examples: ['attachment; filename="account-2026-01-02.json"'] },
  },
  'X-Token-Refresh-Required': {
    description: '`true` in the last fifth of the lifetime of the access token: refresh it soon.',
    schema: { type: 'string', enum: ['true'] },
  },
  'Preference-Applied': {
    description: 'Only after `Prefer: wait=…`: how many seconds the service waited at most (RFC 7240).',
    schema: { type: 'string', examples: ['wait=2'] },
  },
  'Revocation-Receipt': {
    description:
      'Only after `Prefer: wait=…`. `complete`: no service that follows the revocations accepts the token any more. ' +
      '`pending;verifiers=2`: two of them have not confirmed it. `unknown;reason=…`: the service could not find out.',
    schema: { type: 'string', examples: ['complete'] },
  },
  'X-Auth-Subject': {
    description: 'The id of the user.',
    required: true,
    schema: { type: 'string' },
  },
  'X-Auth-Session': {
    description: 'The id of the session.',
    required: true,
    schema: { type: 'string' },
  },
  'X-Auth-Roles': {
    description:
      'The roles of the user, with a comma between two. In a role, everything except ASCII letters, digits and ' +
      '`_ . : -` is percent-encoded UTF-8: split at the commas first, then decode each role.',
    required: true,
    schema: { type: 'string' },
  },
} as const satisfies Record<string, { description: string; required?: true; schema: object }>

export type HeaderName = keyof typeof headers

/** References to descriptions of headers, which the document contains once. */
export function headerRefs(names: readonly HeaderName[]): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map(name => [name, { $ref: `#/components/headers/${name}` }]))
}
