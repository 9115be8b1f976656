import { Readable } from 'node:stream'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Test } from 'tap'
import { catalogue } from '../../src/lib/errors.js'

/**
 * Fails the test if an answer of the app is not one that its OpenAPI document describes: its status, the type of its
 * content, its body and its required headers. Answers that belong to no operation must be problem details.
 *
 * @param settings all that the document of this app depends on; without it, the document is made to be compared
 */
export function checkAnswers(t: Test, app: FastifyInstance, settings?: string): void {
  let document: DescribedAnswers | undefined
  app.addHook('onSend', async (request, reply, sent) => {
    document ??= describedAnswers(app, settings)
    const isStreamedJson = sent instanceof Readable && /\bjson\b/.test(String(reply.getHeader('content-type')))
    const payload = isStreamedJson ? (await sent.toArray()).join('') : sent
    const difference = document.differenceOf(request, reply, payload)
    if (difference === undefined) return payload
    const { method, url } = request
    t.fail(`the OpenAPI document does not describe the answer ${reply.statusCode} to ${method} ${url}: ${difference}`)
    return payload
  })
}

interface DescribedAnswers {
  /** What is different from the document; undefined if nothing is. */
  differenceOf(request: FastifyRequest, reply: FastifyReply, payload: unknown): string | undefined
}

interface Response {
  $ref?: string
  headers?: Record<string, { $ref: string }>
  content?: Record<string, unknown>
}

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, Response> }>>
  components: { responses: Record<string, Response>; headers: Record<string, { required?: boolean }> }
}

/**
 * By the settings of an app, and by the text of its document: making a document and compiling its schemas takes longer
 * than a test, and most apps have the same one.
 */
const known = new Map<string, DescribedAnswers>()

function describedAnswers(app: FastifyInstance, settings?: string): DescribedAnswers {
  const same = settings === undefined ? undefined : known.get(settings)
  if (same !== undefined) return same
  const text = JSON.stringify(app.swagger())
  const answers = known.get(text) ?? read(JSON.parse(text))
  known.set(text, answers)
  if (settings !== undefined) known.set(settings, answers)
  return answers
}

function read(document: Document): DescribedAnswers {
  const ajv = formats.default(new Ajv2020({ strict: false, allErrors: true }))
  ajv.addSchema(closed(document) as object, 'api')
  const validators = new Map<string, ValidateFunction>()

  function bodyProblem(pointer: string, payload: unknown): string | undefined {
    const validate = validators.get(pointer) ?? ajv.compile({ $ref: `api#${pointer}` })
    validators.set(pointer, validate)
    if (validate(JSON.parse(String(payload)))) return undefined
    return ajv.errorsText(validate.errors, { dataVar: 'the body' })
  }

  return {
    differenceOf(request, reply, payload) {
      const { url, schema } = request.routeOptions as RouteOptions
      if (url === undefined) return problemProblem(request, reply, payload)
      if (schema?.operationId === undefined || schema.hide || request.method === 'OPTIONS') return undefined
      const path = url.replaceAll(/:(\w+)/g, '{$1}')
      const verb = request.method === 'HEAD' ? 'get' : request.method.toLowerCase()
      const pointer = `/paths/${escaped(path)}/${verb}/responses/${reply.statusCode}`
      const given = document.paths[path]?.[verb]?.responses[reply.statusCode]
      if (given === undefined) return `there is no such status; the body is ${String(payload)}`
      const response = given.$ref === undefined ? given : document.components.responses[given.$ref.split('/').at(-1)!]!
      const at = given.$ref === undefined ? pointer : given.$ref.slice(1)
      return headerProblem(response, reply) ?? contentProblem(response, at, request, reply, payload)
    },
  }

  function headerProblem({ headers = {} }: Response, reply: FastifyReply): string | undefined {
    const required = Object.keys(headers).filter(name => document.components.headers[name]!.required)
    const missing = required.filter(name => !reply.hasHeader(name))
    return missing.length > 0 ? `the header ${missing.join()} is missing` : undefined
  }

  function contentProblem(
    { content }: Response,
    pointer: string,
    request: FastifyRequest,
    reply: FastifyReply,
    payload: unknown,
  ): string | undefined {
    // Fastify sends no body with 204, whatever the serializer made.
    const isEmpty = reply.statusCode === 204 || payload === null || payload === undefined || payload === ''
    if (content === undefined) return isEmpty ? undefined : `the body is ${String(payload)}, and should be empty`
    const type = mediaTypeOf(reply)
    if (!(type in content)) return `the type of the content is ${type}`
    if (request.method === 'HEAD') return undefined
    return bodyProblem(`${pointer}/content/${escaped(type)}/schema`, payload)
  }

  /** For an answer of no operation. The dialects have their own format for these. */
  function problemProblem(request: FastifyRequest, reply: FastifyReply, payload: unknown): string | undefined {
    if (request.method === 'HEAD' || request.method === 'OPTIONS' || /^\/api\//.test(request.url)) return undefined
    if (mediaTypeOf(reply) !== 'application/problem+json') return 'it is not problem details'
    const { code } = JSON.parse(String(payload))
    if (catalogue[code as keyof typeof catalogue]?.status !== reply.statusCode) return `its code is ${code}`
    return bodyProblem('/components/schemas/Problem', payload)
  }
}

interface RouteOptions {
  url?: string
  schema?: { operationId?: string; hide?: boolean }
}

function mediaTypeOf(reply: FastifyReply): string {
  return String(reply.getHeader('content-type')).split(';')[0]!
}

/** As a part of a JSON pointer in a URI. */
function escaped(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))
}

/** The document with objects that can have no other members than those that it names. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([key, part]) => [
    key,
    key === 'allOf' ? withOpenParts(part) : closed(part),
  ])
  const schema = Object.fromEntries(members)
  const isOpen =
    schema.type === 'object' && schema.properties !== undefined && schema.additionalProperties === undefined
  return isOpen ? { ...schema, additionalProperties: false } : schema
}

/** Each part of `allOf` describes only some of the members. */
function withOpenParts(parts: unknown[]): unknown[] {
  return parts.map(part => {
    const { additionalProperties: _closed, ...open } = closed(part) as Record<string, unknown>
    return open
  })
}
