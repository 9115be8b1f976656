/** What the collection needs of the OpenAPI document. */
export interface Document {
  info: { version: string }
  paths: Record<string, Record<string, Described>>
  components: { schemas: Record<string, Schema> }
}

export interface Schema {
  $ref?: string
  type?: string
  required?: string[]
}

interface Described {
  operationId: string
  summary: string
  description?: string
  security?: Record<string, string[]>[]
  parameters?: Parameter[]
  requestBody?: { content: Record<string, Content> }
  responses: Record<string, { content?: Record<string, Content> }>
}

export interface Parameter {
  in: string
  name: string
  description?: string
}

interface Content {
  schema: Schema
  examples?: Record<string, { value: Record<string, unknown> }>
}

export interface Operation extends Described {
  method: string
  path: string
}

/** Every operation of the document, by its id. */
export function operationsOf({ paths }: Document): Map<string, Operation> {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({ ...described, path, method: method.toUpperCase() })),
  )
  return new Map(operations.map(operation => [operation.operationId, operation]))
}

/** The status of its success. Beside another one, 202 is the answer to `Prefer: wait`, or while a letter comes first. */
export function successOf({ responses }: Operation): number {
  const statuses = Object.keys(responses).filter(status => status.startsWith('2'))
  return Number(statuses.find(status => status !== '202') ?? statuses[0])
}

/** The schema of an answer of JSON with this status; undefined if there is no such answer. */
export function answerOf(operation: Operation, status: number, { components }: Document): Schema | undefined {
  const content = Object.entries(operation.responses[status]?.content ?? {}).find(([type]) => type.includes('json'))
  const schema = content?.[1].schema
  return schema?.$ref ? components.schemas[schema.$ref.split('/').at(-1)!] : schema
}
