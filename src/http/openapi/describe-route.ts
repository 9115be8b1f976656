import type { FastifySchema, RouteOptions } from 'fastify'
import type { ErrorCode } from '../../lib/errors.js'
import { Type } from '../schemas.js'
import { pendingReceiptSchema } from '../verifier-views.js'
import type { Documented, DocumentedErrors } from './documented.js'
import { type HeaderName, headerRefs } from './headers.js'
import { type DescribedResponse, problemResponses } from './problems.js'
import { describeBody } from './request-body.js'

/** Where @fastify/swagger carries our own descriptions to the end of its work; see complete-document.ts. */
export const REQUEST_BODY = 'x-request-body'
export const RESPONSES = 'x-responses'

/**
 * Describes an operation from the schema of its route. We describe bodies and responses ourselves, because
 * @fastify/swagger knows neither optional bodies nor named responses, and every route has errors that its schema does
 * not list.
 */
export function describeRoute({ schema, url, route }: { schema: FastifySchema; url: string; route: RouteOptions }): {
  schema: FastifySchema
  url: string
} {
  if (schema === undefined || schema.hide) return { schema, url }
  const { body: _body, response = {}, documented = {}, querystring, ...kept } = schema
  const headers = route.config?.revokes ? preferHeader : kept.headers
  return {
    url,
    schema: {
      ...kept,
      // Stated, so that it is not taken for an omission.
      security: kept.security ?? [],
      ...(querystring !== undefined && { querystring: describeQuery(querystring, documented) }),
      ...(headers !== undefined && { headers }),
      [REQUEST_BODY]: describeBody(schema, route),
      [RESPONSES]: describeResponses(response as RouteResponses, schema, route),
    } as FastifySchema,
  }
}

/** A copy, because @fastify/swagger moves the descriptions. */
function describeQuery(querystring: unknown, { query = {} }: Documented): object {
  const { properties, ...rest } = querystring as { properties: Record<string, object> }
  return structuredClone({ ...rest, properties: { ...properties, ...query } })
}

/** Of routes that revoke. */
const preferHeader = Type.Object({
  prefer: Type.Optional(
    Type.String({
      description:
        '`wait=2` (RFC 7240): answer when every service that follows the revocations has applied this one, or after two ' +
        'seconds; 20 at most. docs/receipts.md describes it.',
      examples: ['wait=2'],
    }),
  ),
})

/** The response schemas of a route: of a body, or an error with the codes that the route has. */
type RouteResponses = Record<string, ResponseSchema | DocumentedErrors>
type ResponseSchema = { type?: string; description?: string; content?: Record<string, unknown> }

function describeResponses(responses: RouteResponses, schema: FastifySchema, route: RouteOptions) {
  const described: Record<string, DescribedResponse> = {}
  const codes: ErrorCode[] = schema.documented?.commonErrors === false ? [] : commonErrors(route)
  for (const [status, response] of Object.entries(responses)) {
    if ('codes' in response) codes.push(...response.codes)
    else described[status] = describeResponse(Number(status), response, schema, route)
  }
  // What an answer without a body becomes while verifiers lag.
  if (route.config?.revokes && '204' in described) {
    described[202] = describeResponse(202, pendingReceiptSchema, schema, route)
    described[202].headers = { ...described[204]!.headers, ...described[202].headers }
  }
  if (Object.values(responses).some(response => 'codes' in response)) codes.push('store_unavailable')
  const problems = Object.entries(problemResponses(codes)).map(([status, problem]) => [
    status,
    ofThisRoute(
      problem,
      schema.documented?.headers?.[Number(status)],
      schema.documented?.otherErrors?.[Number(status)],
    ),
  ])
  return { ...described, ...Object.fromEntries(problems) }
}

/** With headers or a second format, a problem is described at its route, and not by the name that others share. */
function ofThisRoute(problem: DescribedResponse, names: readonly HeaderName[] = [], other?: object): DescribedResponse {
  if (names.length === 0 && other === undefined) return problem
  const { name: _shared, headers, content, description } = problem
  return {
    description,
    headers: { ...headers, ...headerRefs(names) },
    content: { ...content, ...(other && { 'application/json': { schema: other } }) },
  }
}

function describeResponse(
  status: number,
  response: ResponseSchema,
  schema: FastifySchema,
  { config }: RouteOptions,
): DescribedResponse {
  const isSuccess = status < 300
  const mayAskForRefresh = isSuccess && schema.security?.some(scheme => 'bearer' in scheme)
  const names: HeaderName[] = [
    'X-Request-Id',
    'Cache-Control',
    ...(mayAskForRefresh ? (['X-Token-Refresh-Required'] as const) : []),
    ...(isSuccess && config?.revokes ? (['Preference-Applied', 'Revocation-Receipt'] as const) : []),
    ...(schema.documented?.headers?.[status] ?? []),
  ]
  const { description = '', content = { 'application/json': { schema: response } } } = response
  return { description, headers: headerRefs(names), ...(response.type !== 'null' && { content }) }
}

/** The errors that plugins add to every route. */
function commonErrors({ method, config }: RouteOptions): ErrorCode[] {
  const codes: ErrorCode[] = ['invalid_request', 'ambiguous_request', 'internal_error']
  if (method === 'GET') {
    // Outside production, a page of a foreign origin on the same machine is told why it cannot read an answer.
    if (config?.foreignOrigins !== 'ignored') codes.push('cross_site_request')
    return codes
  }
  codes.push('invalid_json', 'body_too_large', 'unsupported_media_type')
  if (config?.csrf !== 'never') codes.push('cross_site_request')
  return codes
}
