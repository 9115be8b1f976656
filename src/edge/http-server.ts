import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Verifier } from '@latchkey/verifier'
import { type Decide, type Decision, UNKNOWN_QUERY } from './decide.js'
import { describedRequest } from './described-request.js'
import type { EdgeConfig } from './edge-config.js'
import { ALIVE, type Health, readiness } from './health.js'
import { withoutRefreshCookies } from './own-cookies.js'

export interface EdgeServerOptions {
  readonly decide: Decide
  readonly verifier: Verifier
  readonly config: Pick<EdgeConfig, 'gateway' | 'refreshCookie' | 'keepAliveTimeoutMs'>
  /** Whether it answers its last requests. */
  readonly isStopping: () => boolean
}

/** Browsers send the cookies of all services, and gateways send all headers of the client. */
const MAX_HEADER_BYTES = 65_536

/** Creates the server that gateways ask: any method, any path below `/auth/verify`, any query; and the two probes. */
export function createEdgeServer({ decide, verifier, config, isStopping }: EdgeServerOptions): Server {
  const { gateway, refreshCookie, keepAliveTimeoutMs } = config

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (isStopping()) response.setHeader('connection', 'close')
    const described = describedRequest(request, gateway)
    if (described === undefined) return answerOther(request, response)
    const decision = described === 'unknown query' ? UNKNOWN_QUERY : await decide(described)
    const { headers } = decision
    send(response, decision.status === 200 ? { ...decision, headers: { ...headers, ...cookieFor(request) } } : decision)
  }

  /** The header Cookie for the service, for the gateways that cannot remove a cookie themselves. */
  function cookieFor({ headers }: IncomingMessage): Record<string, string> {
    if (gateway !== 'traefik' && gateway !== 'envoy') return {}
    const cookie = withoutRefreshCookies(headers.cookie ?? '', refreshCookie)
    if (gateway === 'traefik') return cookie === '' ? {} : { cookie }
    const others = 'x_auth_subject,x_auth_session,x_auth_roles'
    return cookie === ''
      ? { 'x-envoy-auth-headers-to-remove': `${others},cookie` }
      : { 'x-envoy-auth-headers-to-remove': others, cookie }
  }

  function answerOther({ method, url = '' }: IncomingMessage, response: ServerResponse): void {
    const path = method === 'GET' || method === 'HEAD' ? url.split('?', 1)[0] : ''
    if (path === '/livez') sendHealth(response, ALIVE)
    else if (path === '/readyz') sendHealth(response, readiness(isStopping(), verifier.status()))
    else send(response, NOT_FOUND)
  }

  const server = createServer(
    { maxHeaderSize: MAX_HEADER_BYTES, keepAliveTimeout: keepAliveTimeoutMs },
    (request, response) => void answer(request, response),
  )
  return server
}

const NOT_FOUND: Decision = {
  status: 404,
  headers: { 'cache-control': 'no-store', 'content-type': 'application/problem+json; charset=utf-8' },
  body: JSON.stringify({
    type: 'urn:latchkey:error:not_found',
    title: 'Not found.',
    status: 404,
    code: 'not_found',
    detail: 'Gateways ask at /auth/verify, and below /auth/verify/ and /auth/verify-role/.',
  }),
}

function sendHealth(response: ServerResponse, { status, body }: Health): void {
  const headers = { 'cache-control': 'no-store', 'content-type': 'application/json; charset=utf-8' }
  send(response, { status, headers, body: JSON.stringify(body) })
}

function send(response: ServerResponse, { status, headers, body }: Decision): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}
