import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { checkAdapter, OPTIONAL } from './adapters/adapter-options.js'
import { answerHeaders, issuerNowSeconds } from './adapters/answer-headers.js'
import { type AuthenticateOptions, createAuthenticator } from './adapters/authenticate.js'
import { INTERNAL_ERROR, isRefusal, type Refusal, refusalFor } from './adapters/refusal.js'
import { recentAuthRequirement, roleRequirement } from './adapters/requirements.js'
import type { SentRequest } from './adapters/sent-token.js'
import { addHeaders, sendRefusal } from './adapters/server-response.js'
import type { Principal, Verifier } from './types.js'

export type { AuthenticateOptions, Renew, Renewal } from './adapters/authenticate.js'
export type { SentHeaders, SentRequest } from './adapters/sent-token.js'
export type { Refusal }

export interface AuthenticateRequestOptions extends AuthenticateOptions {
  /** Gets the cookies of a renewed token (without it, a token is renewed without them), and `X-Token-Refresh-Required` if the token expires soon. */
  readonly response?: ServerResponse
}

const OPTIONS = {
  ...OPTIONAL,
  response: {
    accepts: (value: unknown) => typeof (value as ServerResponse | null)?.setHeader === 'function',
    allowed: 'the ServerResponse of the request',
  },
}

/**
 * Returns the principal of a request: of `node:http`, of a WebSocket that is being opened, or of any framework whose
 * request has `method` and `headers`. The token comes from `Authorization: Bearer` or, with the option `cookie`, from a
 * cookie; then requests from pages of other sites are refused if they can change something or open a WebSocket.
 *
 * A WebSocket stays open after its token has expired or was revoked. Call this function again with the same request when
 * that matters, for example for each message: it costs a few microseconds.
 *
 * @throws VerifierError, to which `answerRefusal` and `refuseUpgrade` answer
 */
export async function authenticateRequest(
  verifier: Verifier,
  request: SentRequest,
  options: AuthenticateRequestOptions & { readonly optional: true },
): Promise<Principal | undefined>
export async function authenticateRequest(
  verifier: Verifier,
  request: SentRequest,
  options?: AuthenticateRequestOptions & { readonly optional?: false },
): Promise<Principal>
export async function authenticateRequest(
  verifier: Verifier,
  request: SentRequest,
  options: AuthenticateRequestOptions = {},
): Promise<Principal | undefined> {
  checkAdapter('authenticateRequest', verifier, options, OPTIONS)
  const setsCookies = options.response?.headersSent === false
  const answer = await createAuthenticator(verifier, options, { setsCookies })(request)
  if (options.response) addHeaders(options.response, answerHeaders(answer, verifier))
  if (answer.error !== undefined) throw answer.error
  return answer.principal
}

/**
 * Requires one of several roles.
 *
 * @throws VerifierError insufficient_role; TypeError if no role is named
 */
export function requireRole(principal: Principal, ...roles: readonly string[]): void {
  roleRequirement(roles)(principal)
}

/**
 * Requires that the user signed in at most this many seconds ago (RFC 9470).
 *
 * @throws VerifierError insufficient_user_authentication
 */
export function requireRecentAuth(verifier: Verifier, principal: Principal, maxAgeSeconds: number): void {
  recentAuthRequirement(maxAgeSeconds, () => issuerNowSeconds(verifier))(principal)
}

/**
 * Answers a request that was refused, with problem details (RFC 9457) and the headers of its status. Any other error is
 * answered with 500 and no detail: log it yourself.
 */
export function answerRefusal(response: ServerResponse, error: unknown): void {
  sendRefusal(response, error)
}

/** Answers a request for a WebSocket that was refused, and closes its connection. */
export function refuseUpgrade(socket: Duplex, error: unknown): void {
  const { status, headers, body } = isRefusal(error) ? refusalFor(error) : INTERNAL_ERROR
  const lines = Object.entries({ ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' })
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines.map(([name, value]) => `${name}: ${value}`)]
  // The browser can have closed the connection. Without a listener, that error would end the process.
  socket.on('error', () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/**
 * The answer to a request that was refused, as `answerRefusal` sends it, for other protocols. For any other error than a
 * VerifierError it is 500 without a detail: log that error yourself.
 */
export function describeRefusal(error: unknown): Refusal {
  return isRefusal(error) ? refusalFor(error) : INTERNAL_ERROR
}
