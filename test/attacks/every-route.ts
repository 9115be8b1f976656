import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import { catalogue } from '../../src/lib/errors.js'
import { newId } from '../../src/lib/ids.js'
import { clientToken, makeClient } from '../support/clients.js'
import { PASSWORD, type Person, signUp } from '../support/people.js'

export interface ChangingRoute {
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  url: string
  /** The fields of its body; undefined if it takes none. */
  fields: string[] | undefined
}

/** Creating a stream follows the Shared Signals Framework: no field is required, and unknown ones are ignored. */
export function createsStream({ method, url }: ChangingRoute, { statusCode }: LightMyRequestResponse): boolean {
  return method === 'POST' && url === '/ssf/streams' && statusCode === 201
}

interface Described {
  requestBody?: { content: Record<string, { schema: BodySchema }> }
}

interface BodySchema {
  properties?: Record<string, unknown>
  anyOf?: BodySchema[]
}

/** A user and a client token with every scope, so that no request is refused for a missing permission. */
export interface Insider extends Person {
  clientToken: string
}

export async function insider(app: FastifyInstance): Promise<Insider> {
  return {
    ...(await signUp(app)),
    clientToken: await clientToken(app, await makeClient(app, 'admin', 'sessions', 'revocations', 'signals')),
  }
}

/**
 * Every route that changes something, from the service's OpenAPI description, so that new ones are attacked too. Those
 * that take forms follow other systems: they ignore unknown fields, have other errors, and have attacks of their own.
 *
 * @param id replaces each parameter of the path; by default it is the id of nothing that exists
 */
export function changingRoutes(app: FastifyInstance, id = newId()): ChangingRoute[] {
  const paths = app.swagger().paths as Record<string, Record<string, Described>>
  return Object.entries(paths).flatMap(([path, operations]) =>
    (['POST', 'PUT', 'PATCH', 'DELETE'] as const).flatMap(method => {
      const operation = operations[method.toLowerCase()]
      if (!operation || path.startsWith('/oauth/')) return []
      const content = operation.requestBody?.content
      if (content && 'application/x-www-form-urlencoded' in content) return []
      const schema = content?.['application/json']?.schema
      const properties = schema?.properties ?? schema?.anyOf?.find(({ properties }) => properties)?.properties
      return { method, url: path.replaceAll(/\{\w+\}/g, id), fields: properties && Object.keys(properties) }
    }),
  )
}

/** Every URL that has a route, documented or not, with its methods. */
export function everyAddress(app: FastifyInstance): { url: string; methods: string[] }[] {
  const parents: string[] = []
  const lines = app.printRoutes({ commonPrefix: false }).split('\n')
  return lines.flatMap(line => {
    const [, indentation, part, methods] = /^([│ ]*)[├└]── (\S+) \(([A-Z, ]+)\)$/.exec(line) ?? []
    if (part === undefined) return []
    const depth = indentation!.length / 4
    parents[depth] = (parents[depth - 1] ?? '') + part
    const url = parents[depth].replaceAll(/:\w+/g, newId()).replaceAll('*', 'anything')
    return { url, methods: methods!.split(', ') }
  })
}

/** Adds what a request to a route needs apart from its body: a token, where the route requires one. */
export function requestTo({ method, url }: ChangingRoute, ada: Insider, options: InjectOptions): InjectOptions {
  const token = /^\/(admin\/|ssf\/|auth\/activity$|global-token-revocation$)/.test(url)
    ? ada.clientToken
    : /^\/(auth|api\/users\/me)\/sessions|^\/auth\/(profile|email)$|^\/auth\/verify-email\/resend$/.test(url)
      ? ada.accessToken
      : undefined
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return { method, url, ...options, headers: { ...authorization, ...options.headers } }
}

/** A valid value for each field. */
export function goodBody(fields: readonly string[], ada: Person): Record<string, unknown> {
  const values: Record<string, unknown> = {
    email: ada.email,
    password: PASSWORD,
    current_password: PASSWORD,
    new_password: `${PASSWORD} but longer`,
    transport: 'body',
    token: ada.accessToken,
    new_email: 'new@example.com',
    label: 'my phone',
  }
  return Object.fromEntries(fields.filter(field => field in values).map(field => [field, values[field]]))
}

/** Asserts a 4xx response with an error code of the catalogue. */
export function isRefusal(t: Test, response: LightMyRequestResponse, message: string): void {
  const { statusCode, headers } = response
  const { code, status, ...body } = response.json()
  const known = catalogue[code as keyof typeof catalogue] as { status: number } | undefined
  const refused = statusCode >= 400 && statusCode < 500 && status === statusCode && known?.status === statusCode
  const shaped = String(headers['content-type']).startsWith('application/problem+json') && !('stack' in body)
  t.ok(refused && shaped, message, { statusCode, body: response.body.slice(0, 300) })
}
