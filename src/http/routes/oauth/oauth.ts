import type { FastifyError, FastifyInstance, FastifyPluginAsync, FastifyReply } from 'fastify'
import type { AuthContext } from '../../../domain/context.js'
import { type ErrorCode, fieldError, type LatchkeyError } from '../../../lib/errors.js'
import { logRefusal, setErrorHeaders } from '../../errors/problem.js'
import { toLatchkeyError } from '../../errors/to-latchkey-error.js'
import { introspectRoute } from './introspect.js'
import { revokeRoute } from './revoke.js'
import { tokenRoute } from './token.js'

/**
 * The endpoints for clients, which authenticate with their own secret, as in RFC 6749, 7009 and 7662: bodies are forms,
 * errors have OAuth's format. They read no cookie, so a page of another site cannot act for the user of a browser.
 */
export const oauthRoutes: FastifyPluginAsync<{ context: AuthContext }> = async (app, { context }) => {
  parseForms(app)
  app.setErrorHandler((thrown: FastifyError, request, reply) => {
    const error = toLatchkeyError(thrown)
    logRefusal(app.log, request, error)
    return sendOAuthError(reply, error)
  })
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' })
  })
  // Without a body there are no parameters. The error then names the first one that is required.
  app.addHook('preValidation', async request => {
    request.body ??= {}
  })
  await app.register(tokenRoute, { context })
  await app.register(introspectRoute, { context })
  await app.register(revokeRoute, { context })
}

/**
 * Accepts only forms on these routes (RFC 6749, 3.2). A parameter without a value counts as missing; a repeated parameter
 * is refused, even if it is unknown.
 */
function parseForms(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, readForm(String(body)))
    } catch (error) {
      done(error as Error)
    }
  })
}

/** The client chose the name: only enough is kept to find the mistake. */
const NAME_MAX_LENGTH = 64

function readForm(text: string): Record<string, string> {
  const fields = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(text)) {
    if (fields.has(name)) throw fieldError('invalid_request', name.slice(0, NAME_MAX_LENGTH), 'can be sent only once')
    fields.set(name, value)
  }
  const sent = [...fields].filter(([name, value]) => value !== '' && name !== '__proto__')
  return Object.fromEntries(sent)
}

/** The body of every error (RFC 6749, 5.2). */
export interface OAuthError {
  error: string
  error_description?: string
}

/** Our codes that are also codes of RFC 6749. */
const OWN_CODES: ReadonlySet<ErrorCode> = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
])

/** Sends an error in the format of RFC 6749, 5.2, with the headers that its status requires. */
function sendOAuthError(reply: FastifyReply, error: LatchkeyError): FastifyReply {
  const { name, status } = translate(error)
  reply.code(status).type('application/json').header('pragma', 'no-cache')
  setErrorHeaders(reply, error)
  if (status === 401) reply.header('www-authenticate', 'Basic realm="latchkey"')
  const body: OAuthError = { error: name, error_description: describe(error) }
  return reply.send(JSON.stringify(body))
}

function translate({ code, status }: LatchkeyError): { name: string; status: number } {
  if (OWN_CODES.has(code)) return { name: code, status }
  // From RFC 6749, 4.1.2.1: 5.2 has no code for this.
  if (status === 429 || status === 503) return { name: 'temporarily_unavailable', status }
  if (status >= 500) return { name: 'server_error', status }
  // Every other 401 is about a refresh token.
  if (status === 401) return { name: 'invalid_grant', status: 400 }
  return { name: 'invalid_request', status: 400 }
}

/** RFC 6749 allows printable ASCII without quotation marks and backslashes. */
function describe({ code, detail, message, errors }: LatchkeyError): string {
  const field = errors?.[0]
  const text = field ? `${field.field} ${field.message}` : code === 'unsupported_media_type' ? FORMS_ONLY : detail
  return (text ?? message).replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'")
}

const FORMS_ONLY = 'Send the body as application/x-www-form-urlencoded.'
