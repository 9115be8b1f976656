import { requestJson, type Transport } from '../transport/request.js'

/**
 * The issuer that the service names in its metadata (RFC 8414); undefined if that cannot be read. Only the issuer is
 * used: the addresses there are public ones, which a container may not reach.
 */
export async function fetchIssuer(transport: Transport, controller: AbortController): Promise<string | undefined> {
  try {
    const { value } = await requestJson(transport, '/.well-known/oauth-authorization-server', {
      controller,
      timeoutMs: 5000,
      maxBytes: 64 * 1024,
    })
    const { issuer } = value as { issuer?: unknown }
    return typeof issuer === 'string' && /^[\x20-\x7e]{1,1000}$/.test(issuer) ? issuer : undefined
  } catch {
    return undefined
  }
}
