import type { IncomingMessage } from 'node:http'
import type { DescribedRequest } from './decide.js'
import type { EdgeConfig } from './edge-config.js'
import { type Address, readAddress } from './read-address.js'

type Gateway = NonNullable<EdgeConfig['gateway']>

/** The headers in which each gateway sends the client's path and method. Envoy's own request has both. */
const DESCRIBED_BY: Record<Exclude<Gateway, 'envoy'>, { target: string; method: string }> = {
  nginx: { target: 'x-original-uri', method: 'x-original-method' },
  haproxy: { target: 'x-original-uri', method: 'x-original-method' },
  caddy: { target: 'x-forwarded-uri', method: 'x-forwarded-method' },
  traefik: { target: 'x-forwarded-uri', method: 'x-forwarded-method' },
}

/**
 * The request of a client that a gateway asks about. Only the headers of the configured gateway are read, because a client
 * can send all others.
 *
 * @returns undefined if the address is none for gateways, `unknown query` if it requires something nobody understands
 */
export function describedRequest(
  { url = '', method, headers, rawHeaders }: IncomingMessage,
  gateway: Gateway | undefined,
): DescribedRequest | 'unknown query' | undefined {
  const address = readAddress(url)
  if (!address) return undefined
  if (address.hasUnknownQuery && !isClientsOwnQuery(url, address, headers['x-forwarded-uri'])) return 'unknown query'
  const { requiredRoles, rest } = address
  if (gateway === 'envoy') return { method: method!, target: rest, headers, rawHeaders, requiredRoles }
  // Then there are no rules and no cookie, so nothing depends on the client's path and method.
  if (gateway === undefined) return { headers, rawHeaders, requiredRoles, target: undefined }
  const names = DESCRIBED_BY[gateway]
  const original = single(headers[names.method])
  return {
    headers,
    rawHeaders,
    requiredRoles,
    target: single(headers[names.target]),
    ...(original !== undefined && { method: original }),
  }
}

function single(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && header !== '' ? header : undefined
}

/**
 * Whether the query comes from the gateway's client. Caddy passes it on, and says the client's address in X-Forwarded-Uri.
 * With `role` it is never the client's, who could otherwise remove that requirement.
 */
function isClientsOwnQuery(url: string, { requiredRoles }: Address, forwarded: string | string[] | undefined): boolean {
  return requiredRoles.length === 0 && typeof forwarded === 'string' && queryOf(forwarded) === queryOf(url)
}

function queryOf(url: string): string {
  const start = url.indexOf('?')
  return start === -1 ? '' : url.slice(start)
}
