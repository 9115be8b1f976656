import type { FastifySchema, RouteOptions } from 'fastify'

/** A JSON Schema of an object. */
interface ObjectSchema {
  title?: string
  description?: string
  properties: Record<string, object>
  required?: readonly string[]
}

/** A JSON Schema of a body: an object, or one of several. */
type BodySchema = ObjectSchema | { anyOf: readonly BodySchema[] } | { oneOf: readonly BodySchema[] } | { type: 'null' }

/**
 * The body that a route accepts. The older spellings of its fields, which a hook of the route renames, are alternatives
 * that are marked as deprecated.
 */
export function describeBody(schema: FastifySchema, route: RouteOptions): object | undefined {
  const { body, consumes = ['application/json'], documented = {} } = schema
  if (body === undefined) return undefined
  const described = withOlderSpellings((documented.body ?? body) as BodySchema, aliasesOf(route))
  const media = { schema: described, ...(documented.examples && { examples: documented.examples }) }
  return {
    required: !acceptsNull(body as BodySchema),
    content: Object.fromEntries(consumes.map(type => [type, media])),
  }
}

/** The names that the hook of body-aliases.ts accepts: each older name, with the name of the field. */
function aliasesOf({ preValidation = [] }: RouteOptions): Record<string, string> {
  const hooks = [preValidation].flat() as { aliases?: Record<string, string> }[]
  return Object.assign({}, ...hooks.map(hook => hook.aliases ?? {}))
}

/** A route whose schema accepts null accepts a missing body too: Fastify validates it as null. */
function acceptsNull(schema: BodySchema): boolean {
  if ('anyOf' in schema) return schema.anyOf.some(acceptsNull)
  return 'type' in schema && schema.type === 'null'
}

function withOlderSpellings(schema: BodySchema, aliases: Record<string, string>): BodySchema {
  if (Object.keys(aliases).length === 0) return schema
  if ('anyOf' in schema) return { anyOf: schema.anyOf.flatMap(part => alternatives(withOlderSpellings(part, aliases))) }
  if (!('properties' in schema)) return schema
  const variants = Object.keys(schema.properties).reduce(
    (variants, field) => variants.flatMap(variant => [variant, ...respelled(variant, field, aliases)]),
    [schema],
  )
  return variants.length === 1 ? schema : { anyOf: variants }
}

function alternatives(schema: BodySchema): readonly BodySchema[] {
  return 'anyOf' in schema ? schema.anyOf : [schema]
}

/** The same body with a field in each of its older spellings. */
function respelled(schema: ObjectSchema, field: string, aliases: Record<string, string>): ObjectSchema[] {
  const older = Object.keys(aliases).filter(alias => aliases[alias] === field)
  return older.map(alias => {
    const { title: _named, properties, required = [], ...rest } = schema
    const fields = Object.entries(properties).map(([name, value]) =>
      name === field ? [alias, { ...value, description: `Older spelling of \`${field}\`.` }] : [name, value],
    )
    return {
      ...rest,
      deprecated: true,
      properties: Object.fromEntries(fields),
      // Required here even if the field is optional, so that only a body with the older spelling matches.
      required: [...required.filter(name => name !== field), alias],
    }
  })
}
