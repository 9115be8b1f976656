import { createComponents } from './components.js'
import { REQUEST_BODY, RESPONSES } from './describe-route.js'
import { headers } from './headers.js'
import { type DescribedResponse, problemResponses } from './problems.js'

/** The parts of an OpenAPI document that this file changes. */
export interface OpenapiDocument {
  paths: Record<string, Record<string, Operation>>
  components: Record<string, Record<string, unknown>>
}

interface Operation {
  operationId?: string
  parameters?: { required?: boolean; schema: { default?: unknown } }[]
  requestBody?: object
  responses?: object
  [REQUEST_BODY]?: object
  [RESPONSES]?: Record<string, DescribedResponse>
}

/**
 * Replaces the bodies and the responses of a document by our own descriptions (describe-route.ts), and writes each named
 * schema and each named response once, as a component.
 */
export function completeDocument(document: OpenapiDocument): OpenapiDocument {
  const components = createComponents()
  const paths = inReadingOrder(document.paths).map(([path, operations]) => [
    path,
    Object.fromEntries(Object.entries(operations).map(([method, operation]) => [method, complete(operation)])),
  ])
  const { 405: wrongMethod, 404: noRoute } = problemResponses(['method_not_allowed', 'not_found'])
  for (const response of [wrongMethod!, noRoute!]) components.respond(response)
  const { schemas, responses } = components.all()
  return {
    ...document,
    paths: Object.fromEntries(paths),
    components: { ...document.components, schemas, responses, headers },
  }

  function complete({ [REQUEST_BODY]: requestBody, [RESPONSES]: responses = {}, ...operation }: Operation): Operation {
    return {
      ...operation,
      ...(operation.parameters && { parameters: operation.parameters.map(describeParameter) }),
      ...(requestBody && { requestBody: components.refer(requestBody) as object }),
      responses: Object.fromEntries(
        Object.entries(responses).map(([status, response]) => [status, components.respond(response)]),
      ),
    }
  }
}

/** A parameter with a default is optional, although Fastify, which sets the default first, may require it. */
function describeParameter<P extends { required?: boolean; schema: { default?: unknown } }>(parameter: P): P {
  return parameter.schema.default === undefined ? parameter : { ...parameter, required: false }
}

/** The operations that a reader tries first. The others follow in the order of their registration. */
const FIRST = ['register', 'logIn', 'refreshTokens', 'logOut']

function inReadingOrder(paths: OpenapiDocument['paths']): [string, Record<string, Operation>][] {
  const rank = (operations: Record<string, Operation>) => {
    const ranks = Object.values(operations).map(({ operationId = '' }) => FIRST.indexOf(operationId))
    return Math.max(...ranks) < 0 ? FIRST.length : Math.max(...ranks)
  }
  return Object.entries(paths).sort(([, a], [, b]) => rank(a) - rank(b))
}
