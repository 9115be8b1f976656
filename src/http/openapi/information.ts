import { createRequire } from 'node:module'
import type { Scope } from '../../domain/clients/clients.js'

export interface OpenapiOptions {
  /** The URL before every path of this service, and the path of that URL; see Config. */
  publicUrl: string
  publicPath: string
  /** The name of the refresh cookie. */
  cookieName: string
}

/** What the document says about the whole API. */
export function apiInformation({ publicUrl, publicPath, cookieName }: OpenapiOptions) {
  const { version, license } = packageManifest()
  return {
    openapi: '3.1.0',
    info: {
      title: 'Latchkey API',
      version,
      summary: 'Sign in, sessions, and the verification of access tokens.',
      description: DESCRIPTION,
      license: { name: license, identifier: license },
    },
    // Relative, so that the page works at every address at which it can be opened.
    servers: [
      { url: publicPath === '' ? '/' : publicPath, description: 'The service from which this document comes.' },
      ...(new URL(publicUrl).hostname === 'localhost' ? [] : [{ url: publicUrl, description: 'The public address.' }]),
    ],
    tags: [...TAGS],
    components: { securitySchemes: securitySchemes(publicPath, cookieName) },
  }
}

const DESCRIPTION = `Requests and answers are JSON; the endpoints for other services take forms (RFC 6749). Unknown fields are refused.

**Errors** are problem details (RFC 9457). Programs read \`code\`, which never changes its meaning. Each response lists
the codes that it can have. Every path also answers 405 \`method_not_allowed\` to other methods, with the header \`Allow\`,
and 404 \`not_found\` is the answer of every unknown path. A request that is not valid HTTP, that is too large (431) or
that does not arrive in time (408) is answered in the same format, and its connection is closed.

**In a browser**, the refresh token is in an HttpOnly cookie that the browser sends by itself. The access token is in the
answer. On this page, the token of the last sign-in is used for the next requests.`

/** The groups, in the order in which a person needs them. */
export const TAGS = [
  {
    name: 'Sign in',
    description: 'Create an account, sign in, refresh the tokens, sign out, and change the password.',
  },
  { name: 'Letters', description: 'Letters to the owners of accounts, and what the links in them do.' },
  { name: 'Sessions', description: 'List, name and revoke the sessions of the signed-in user.' },
  { name: 'Account', description: 'The signed-in user, and the security events of the account.' },
  {
    name: 'Verification',
    description: 'Verify access tokens: for gateways, and for services that verify the tokens themselves.',
  },
  {
    name: 'Other services',
    description: 'Clients, which are services with their own id and secret, get, check and revoke tokens (OAuth 2.0).',
  },
  {
    name: 'Administration',
    description: 'Find and change users, and revoke their sessions: for administrators and for clients with a scope.',
  },
  { name: 'Older APIs', description: 'The endpoints of older systems, so that their clients work without a change.' },
  { name: 'Health', description: 'The probes of this instance.' },
] as const satisfies { name: string; description: string }[]

function securitySchemes(publicPath: string, cookieName: string) {
  return {
    bearer: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: 'The access token of a user: the field `access_token` of the answer to a sign-in.',
    },
    cookie: {
      type: 'apiKey',
      in: 'cookie',
      name: cookieName,
      description: 'The refresh token of a browser. The browser sends it by itself: leave this empty.',
    },
    client: {
      type: 'oauth2',
      description: 'The access token of a client, which it gets for its id and its secret.',
      flows: { clientCredentials: { tokenUrl: `${publicPath}/oauth/token`, scopes: SCOPE_DESCRIPTIONS } },
    },
    clientSecret: {
      type: 'http',
      scheme: 'basic',
      description:
        'The id and the secret of a client, each form-encoded (RFC 6749, 2.3.1). A client can send them as ' +
        '`client_id` and `client_secret` in the form instead.',
    },
  } as const
}

const SCOPE_DESCRIPTIONS: Record<Scope, string> = {
  admin: 'Find and change users, and revoke their sessions.',
  sessions: 'Open sessions for users whom the client has signed in.',
  introspect: 'Introspect the tokens of users.',
  revocations: 'Follow all revocations.',
  signals: 'Manage and poll the streams of Shared Signals of the client.',
}

/** The version of this program. */
export const VERSION = packageManifest().version

/** The manifest is three folders up, from src/http/openapi and from dist/http/openapi. */
function packageManifest(): { version: string; license: string } {
  return createRequire(import.meta.url)('../../../package.json')
}
