import { isDeepStrictEqual } from 'node:util'
import type { DescribedResponse } from './problems.js'

/** Collects the named parts of a document. */
export interface Components {
  /** The same value, in which every schema with a title is a reference to the component of that name. */
  refer(value: unknown): unknown
  /** A reference to a named response, or the response itself. */
  respond(response: DescribedResponse): unknown
  /** By name, in alphabetical order. */
  all(): { schemas: Record<string, unknown>; responses: Record<string, unknown> }
}

export function createComponents(): Components {
  const schemas = new Map<string, unknown>()
  const responses = new Map<string, unknown>()

  function refer(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(refer)
    if (typeof value !== 'object' || value === null) return value
    const kept = Object.entries(value).filter(([key, part]) => key !== '$id' && !isForUnicode(key, part))
    const referred = Object.fromEntries(kept.map(([key, part]) => [key, refer(part)]))
    return isNamed(referred) ? reference(referred) : (enumOf(referred) ?? referred)
  }

  function reference({ title, ...schema }: NamedSchema): object {
    const types = [schema.type].flat()
    // A schema that also accepts null is a reference, or null.
    if (types.includes('null')) {
      const [type] = types.filter(type => type !== 'null')
      return { anyOf: [reference({ ...schema, title, type }), { type: 'null' }] }
    }
    add(schemas, title, schema)
    return { $ref: `#/components/schemas/${title}` }
  }

  return {
    refer,
    respond({ name, ...response }) {
      const referred = refer(response)
      if (name === undefined) return referred
      add(responses, name, referred)
      return { $ref: `#/components/responses/${name}` }
    },
    all: () => ({ schemas: sorted(schemas), responses: sorted(responses) }),
  }
}

/**
 * Whether this is a pattern that needs Unicode properties. They exclude only characters that cannot be typed, and in many
 * languages, a generated client would read `\\p{Cs}` as the letter p.
 */
function isForUnicode(key: string, value: unknown): boolean {
  return key === 'pattern' && typeof value === 'string' && value.includes('\\p{')
}

/** A union of texts as one list, which pages and generated clients show better. */
function enumOf({ anyOf, ...rest }: Record<string, unknown>): object | undefined {
  if (!Array.isArray(anyOf) || !anyOf.every(part => typeof part?.const === 'string')) return undefined
  return { type: 'string', enum: anyOf.map(part => part.const), ...rest }
}

interface NamedSchema {
  title: string
  type?: unknown
}

/** A property can be called `title` too: then it is a schema. */
function isNamed(schema: Record<string, unknown>): schema is Record<string, unknown> & NamedSchema {
  return typeof schema.title === 'string'
}

function add(components: Map<string, unknown>, name: string, component: unknown): void {
  const known = components.get(name)
  if (known !== undefined && !isDeepStrictEqual(known, component))
    throw new Error(`Two different components of the OpenAPI document are called ${name}.`)
  components.set(name, component)
}

function sorted(components: Map<string, unknown>): Record<string, unknown> {
  return Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1)))
}
