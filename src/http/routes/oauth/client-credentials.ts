import type { FastifyRequest } from 'fastify'
import type { ClientCredentials } from '../../../domain/clients/authenticate-client.js'
import { LatchkeyError } from '../../../lib/errors.js'

/** The fields by which a client may show who it is in the body (`client_secret_post`). */
export interface PostedCredentials {
  client_id?: string
  client_secret?: string
}

/**
 * Reads who a client says it is, from the header or the body but not both (RFC 6749, 2.3 and 2.3.1).
 *
 * @throws LatchkeyError invalid_client if it says nothing, invalid_request if it says it twice
 */
export function clientCredentialsOf(request: FastifyRequest, posted: PostedCredentials): ClientCredentials {
  const { client_id: clientId, client_secret: secret } = posted
  const { authorization } = request.headers
  if (authorization !== undefined) {
    const basic = readBasic(authorization)
    if (!basic) throw new LatchkeyError('invalid_client')
    if (secret !== undefined || (clientId !== undefined && clientId !== basic.clientId))
      throw new LatchkeyError('invalid_request', { detail: 'Show who you are in the header or in the body, not both.' })
    return basic
  }
  if (clientId === undefined || secret === undefined) throw new LatchkeyError('invalid_client')
  return { clientId, secret }
}

/** `Basic base64(form(id):form(secret))`: both parts are form-encoded before they are joined (RFC 6749, 2.3.1). */
function readBasic(authorization: string): ClientCredentials | undefined {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization) ?? []
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon === -1) return undefined
  try {
    return { clientId: formDecode(text.slice(0, colon)), secret: formDecode(text.slice(colon + 1)) }
  } catch {
    return undefined
  }
}

/** @throws URIError if a percent sign stands for nothing */
function formDecode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}
