import { catalogue, type ErrorCode } from '../../lib/errors.js'
import { problemSchema } from '../schemas.js'
import { type HeaderName, headerRefs } from './headers.js'

/** A response of the document. One with a name is written once and referred to. */
export interface DescribedResponse {
  name?: string
  description: string
  headers: Record<string, unknown>
  content?: Record<string, unknown>
}

/**
 * The responses with these codes, one for each status. The schema of each narrows `code` to the codes that the operation
 * has with this status, so that a generated client can tell them apart.
 */
export function problemResponses(codes: readonly ErrorCode[]): Record<number, DescribedResponse> {
  const statuses = [...new Set(codes.map(code => catalogue[code].status))]
  return Object.fromEntries(statuses.map(status => [status, problemResponse(status, codesOf(status, codes))]))
}

/** In the order of the catalogue, so that the document does not depend on the order in which a route names them. */
function codesOf(status: number, codes: readonly ErrorCode[]): ErrorCode[] {
  const inOrder = Object.keys(catalogue) as ErrorCode[]
  return inOrder.filter(code => codes.includes(code) && catalogue[code].status === status)
}

function problemResponse(status: number, codes: ErrorCode[]): DescribedResponse {
  const name = nameOf(codes)
  return {
    ...(name !== undefined && { name }),
    description: codes.map(code => `\`${code}\`: ${catalogue[code].title}`).join('\n\n'),
    headers: headerRefs(['X-Request-Id', 'Cache-Control', ...(HEADERS[status] ?? [])]),
    content: { 'application/problem+json': { schema: problemWith(status, codes) } },
  }
}

const HEADERS: Record<number, HeaderName[]> = {
  401: ['WWW-Authenticate'],
  405: ['Allow'],
  429: ['Retry-After'],
  503: ['Retry-After'],
}

function problemWith(status: number, codes: readonly ErrorCode[]) {
  const narrowed = {
    type: 'object',
    properties: { status: { type: 'integer', enum: [status] }, code: { type: 'string', enum: codes } },
    required: ['status', 'code'],
  }
  return { allOf: [problemSchema, narrowed] }
}

/** Names for sets of more codes than a name can list. */
const NAMES: Record<string, readonly ErrorCode[]> = {
  InvalidRequest: ['invalid_request', 'ambiguous_request'],
  InvalidBody: ['invalid_request', 'invalid_json', 'ambiguous_request'],
  InvalidRefreshRequest: ['invalid_request', 'invalid_json', 'ambiguous_request', 'ambiguous_credentials'],
  AccessTokenRefused: ['authentication_required', 'token_invalid', 'token_expired', 'token_revoked', 'token_stale'],
  AdministratorRequired: ['cross_site_request', 'insufficient_role', 'insufficient_scope'],
  Unavailable: ['busy', 'store_unavailable', 'revocations_stale'],
  NewPasswordRefused: [
    'password_blank',
    'password_too_short',
    'password_too_long',
    'password_is_email',
    'password_too_common',
  ],
}

/** Undefined for codes that only one operation has together: they are described there. */
function nameOf(codes: readonly ErrorCode[]): string | undefined {
  const known = Object.keys(NAMES).find(name => NAMES[name]!.join() === codes.join())
  return known ?? (codes.length <= 2 ? codes.map(pascalCase).join('Or') : undefined)
}

function pascalCase(code: ErrorCode): string {
  return code.replaceAll(/(?:^|_)(\w)/g, (_match, letter: string) => letter.toUpperCase())
}
