import { type Decide, type Decision, type DescribedRequest, IDENTITY_HEADERS } from '../decide.js'
import { withoutRefreshCookies } from '../own-cookies.js'
import type { CheckRequest, CheckResponse, HeaderOption, HttpRequest } from './ext-authz.js'

/** The codes of gRPC (google.rpc.Code). */
const CODES: Record<number, number> = { 401: 16, 403: 7, 503: 14 }
const INTERNAL = 13

/** Answers one `Check` of Envoy. */
export async function check(
  { attributes }: CheckRequest,
  decide: Decide,
  refreshCookie: string,
): Promise<CheckResponse> {
  const request = describe(attributes?.request?.http ?? {})
  const decision = await decide(request)
  return decision.status === 200 ? admit(decision, request, refreshCookie) : deny(decision)
}

function describe({ method, path, host, headers = {}, headerMap }: HttpRequest): DescribedRequest {
  const raw = headerMap?.headers?.map(({ key, rawValue }) => [key, rawValue?.toString('latin1') ?? ''] as const)
  // A header that appears twice stays two headers, so that a repeated Authorization is refused.
  const pairs = raw && raw.length > 0 ? raw : Object.entries(headers)
  const merged: Record<string, string> = Object.create(null)
  if (host) merged.host = host
  for (const [key, value] of pairs) {
    const name = key.toLowerCase()
    const before = pairs === raw ? merged[name] : undefined
    merged[name] =
      before === undefined || name === 'host' ? value : `${before}${name === 'cookie' ? '; ' : ', '}${value}`
  }
  return {
    ...(method && { method }),
    target: path || undefined,
    headers: merged,
    rawHeaders: pairs.flat(),
    requiredRoles: [],
  }
}

function admit({ headers }: Decision, request: DescribedRequest, refreshCookie: string): CheckResponse {
  // Envoy can drop a header without a value instead of replacing the client's.
  const identity = IDENTITY_HEADERS.filter(name => headers[name] !== '')
  const cookie = request.headers.cookie as string | undefined
  const others = cookie === undefined ? undefined : withoutRefreshCookies(cookie, refreshCookie)
  const replaced = others !== cookie && others !== '' ? [option('cookie', others!)] : []
  const refresh = headers['x-token-refresh-required']
  return {
    status: { code: 0 },
    okResponse: {
      headers: [...identity.map(name => option(name, headers[name]!)), ...replaced],
      headersToRemove: [...headersToRemove(request, identity), ...(others === '' ? ['cookie'] : [])],
      responseHeadersToAdd: refresh === undefined ? [] : [option('x-token-refresh-required', refresh)],
    },
  }
}

/** Every header of the client that a service could take for ours. Some read `X_Auth_Roles` as the same header. */
function headersToRemove({ headers }: DescribedRequest, kept: readonly string[]): string[] {
  const sent = Object.keys(headers).filter(name => /^x[^a-z0-9]auth[^a-z0-9]/.test(name))
  return [...new Set([...sent, ...IDENTITY_HEADERS])].filter(name => !kept.includes(name))
}

function deny({ status, headers, body }: Decision): CheckResponse {
  return {
    status: { code: CODES[status] ?? INTERNAL },
    deniedResponse: {
      status: { code: status },
      headers: Object.entries(headers).map(([name, value]) => option(name, value)),
      body,
    },
  }
}

function option(key: string, value: string): HeaderOption {
  return { header: { key, value }, append: { value: false } }
}
