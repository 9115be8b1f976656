import type { ServerResponse } from 'node:http'
import { type Principal, type Verifier, VerifierError } from '@latchkey/verifier'
import { encodedRole } from '@latchkey/verifier/core'
import {
  authenticateRequest,
  describeRefusal,
  type Refusal,
  requireRecentAuth,
  type SentRequest,
} from '@latchkey/verifier/http'
import type { Log } from '../lib/log.js'
import { type Requirement, type Rules, SIGNED_IN } from './rules.js'

/** A request of a client, as the gateway describes it. */
export interface DescribedRequest extends SentRequest {
  /** The path and the query; undefined if the gateway does not say. */
  readonly target: string | undefined
  /** The roles that the gateway itself requires: the user must have one of each list. */
  readonly requiredRoles: readonly (readonly string[])[]
}

/** The answer to a gateway. */
export interface Decision {
  readonly status: number
  /** For the gateway and, if the request is refused, for the client. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface DeciderOptions {
  readonly verifier: Verifier
  readonly rules: Rules | undefined
  readonly accessCookie: string | undefined
  /** Without any, that of the request's host. */
  readonly origins: readonly string[] | undefined
  readonly log: Log
}

export type Decide = (request: DescribedRequest) => Promise<Decision>

/** The headers that tell a service who the user is. */
export const IDENTITY_HEADERS = ['x-auth-subject', 'x-auth-session', 'x-auth-roles'] as const

/** Creates the function that decides about every request, over HTTP and over gRPC. It never throws. */
export function createDecider(options: DeciderOptions): Decide {
  const { verifier, rules, log } = options
  const cookies = options.accessCookie === undefined ? {} : { cookie: options.accessCookie }
  const origins = options.origins === undefined ? {} : { origins: options.origins }

  async function admit(request: DescribedRequest): Promise<Decision> {
    if (rules && (request.target === undefined || request.method === undefined)) return NOT_DESCRIBED
    const preflight = preflightMethodOf(request)
    if (preflight !== undefined && findRule(request, preflight)?.preflights) return NOBODY
    const rule = findRule(request, request.method)
    if (!rule) return AMBIGUOUS_PATH
    if (rule.access === 'public' && request.requiredRoles.length === 0) return NOBODY
    const added = collectHeaders()
    const principal = await authenticateRequest(verifier, request, { ...cookies, ...origins, response: added.response })
    for (const roles of request.requiredRoles) requireOneOf(principal, roles)
    if (rule.roles.length > 0) requireOneOf(principal, rule.roles)
    if (rule.recentAuthSeconds !== undefined) requireRecentAuth(verifier, principal, rule.recentAuthSeconds)
    return { status: 200, headers: { ...identityOf(principal), ...added.headers }, body: '' }
  }

  function findRule({ target }: DescribedRequest, method: string | undefined): Requirement | undefined {
    return rules ? rules.find(method!, target!) : SIGNED_IN
  }

  return request => admit(request).catch(error => refuse(error, log))
}

/** The method that a CORS preflight asks about; undefined for any other request. */
function preflightMethodOf({ method, headers }: DescribedRequest): string | undefined {
  const wanted = headers['access-control-request-method']
  return method === 'OPTIONS' && headers.origin !== undefined && typeof wanted === 'string' ? wanted : undefined
}

/** A role in the address of a gateway can be empty: nobody has it. */
function requireOneOf(principal: Principal, roles: readonly string[]): void {
  if (!roles.some(role => principal.roles.includes(role))) throw new VerifierError('insufficient_role')
}

function identityOf({ userId, sessionId, roles }: Pick<Principal, 'userId' | 'sessionId' | 'roles'>) {
  return {
    'cache-control': 'no-store',
    'x-auth-subject': userId,
    'x-auth-session': sessionId,
    'x-auth-roles': roles.map(encodedRole).join(','),
  }
}

/** Empty headers, so that a gateway removes those of the client. */
const NOBODY: Decision = { status: 200, headers: identityOf({ userId: '', sessionId: '', roles: [] }), body: '' }

/** Gateways understand 401, 403 and 503. An invalid request (a repeated header) is an error of the client. */
function refuse(thrown: unknown, log: Log): Decision {
  if (!(thrown instanceof VerifierError)) log.error(`A request failed: ${(thrown as Error)?.stack ?? thrown}`)
  if (!(thrown instanceof VerifierError) || thrown.status !== 400) return describeRefusal(thrown)
  return withDetail(describeRefusal(new VerifierError('token_invalid')), thrown.message)
}

function withDetail(refusal: Refusal, detail: string): Decision {
  return { ...refusal, body: JSON.stringify({ ...JSON.parse(refusal.body), detail }) }
}

/** The address of the gateway requires a role, but has a query that nobody understands. */
export const UNKNOWN_QUERY = withDetail(
  describeRefusal(new VerifierError('insufficient_role')),
  'The only query parameter allowed here is `role`.',
)

const AMBIGUOUS_PATH = refusalOf(
  'ambiguous_path',
  'The path of the request can be read in more than one way.',
  'Write it without //, dot segments, semicolons, backslashes, and encoded letters or slashes, in the case of the route.',
)

const NOT_DESCRIBED = refusalOf(
  'request_not_described',
  'The gateway does not say which request it asks about.',
  'Send the method and the path as docs/edge.md describes for EDGE_GATEWAY.',
)

/** What only the edge refuses. */
function refusalOf(code: string, title: string, detail: string): Decision {
  const body = { type: `urn:latchkey:error:${code}`, title, status: 403, code, detail }
  const headers = { 'cache-control': 'no-store', 'content-type': 'application/problem+json; charset=utf-8' }
  return { status: 403, headers, body: JSON.stringify(body) }
}

/** Stands for the answer, which `authenticateRequest` adds headers to: over gRPC there is none. */
function collectHeaders() {
  const headers: Record<string, string> = {}
  const setHeader = (name: string, value: string) => {
    headers[name] = value
  }
  return { headers, response: { headersSent: false, setHeader } as unknown as ServerResponse }
}
