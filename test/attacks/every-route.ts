import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import { newId } from '../../src/auth/session-id.js'
import { catalogue } from '../../src/errors.js'
import { clientToken, makeClient } from '../support/clients.js'
import { PASSWORD, type Person, signUp } from '../support/people.js'

export interface ChangingRoute {
  method: 'POST' | 'PATCH' | 'DELETE'
  url: string
  /** The fields of its body; undefined if it takes none. */
  fields: string[] | undefined
}

interface Described {
  requestBody?: { content: Record<string, { schema: BodySchema }> }
}

interface BodySchema {
  properties?: Record<string, unknown>
  anyOf?: BodySchema[]
}

/** Somebody with every key there is, so that no request is refused for want of one. */
export interface Insider extends Person {
  clientToken: string
}

export async function insider(app: FastifyInstance): Promise<Insider> {
  return { ...(await signUp(app)), clientToken: await clientToken(app, await makeClient(app, 'admin', 'sessions')) }
}

/**
 * Every route that changes something, as the service describes itself: a new one is attacked from its first day. Those
 * that take forms speak for other systems, ignore unknown fields, refuse in other words, and have attacks of their own.
 *
 * @param id stands in the address where one belongs; of nothing that exists, unless the test says otherwise
 */
export function changingRoutes(app: FastifyInstance, id = newId()): ChangingRoute[] {
  const paths = app.swagger().paths as Record<string, Record<string, Described>>
  return Object.entries(paths).flatMap(([path, operations]) =>
    (['POST', 'PATCH', 'DELETE'] as const).flatMap(method => {
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

/** Every address that a route answers at, documented or not, with its methods. */
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

/** What a request to a route needs apart from its body: a token where only those who have one get that far. */
export function requestTo({ method, url }: ChangingRoute, ada: Insider, options: InjectOptions): InjectOptions {
  const token = url.startsWith('/admin/')
    ? ada.clientToken
    : /^\/(auth|api\/users\/me)\/sessions/.test(url)
      ? ada.accessToken
      : undefined
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return { method, url, ...options, headers: { ...authorization, ...options.headers } }
}

/** A value that each field would take. */
export function goodBody(fields: readonly string[], ada: Person): Record<string, unknown> {
  const values: Record<string, unknown> = {
    email: ada.email,
    password: PASSWORD,
    current_password: PASSWORD,
    new_password: `${PASSWORD} but longer`,
    transport: 'body',
    token: ada.accessToken,
    label: 'my phone',
  }
  return Object.fromEntries(fields.filter(field => field in values).map(field => [field, values[field]]))
}

/** A refusal is the client's fault, and one of the catalogue. */
export function isRefusal(t: Test, response: LightMyRequestResponse, message: string): void {
  const { statusCode, headers } = response
  const { code, status, ...body } = response.json()
  const known = catalogue[code as keyof typeof catalogue] as { status: number } | undefined
  const refused = statusCode >= 400 && statusCode < 500 && status === statusCode && known?.status === statusCode
  const shaped = String(headers['content-type']).startsWith('application/problem+json') && !('stack' in body)
  t.ok(refused && shaped, message, { statusCode, body: response.body.slice(0, 300) })
}
