import { type Serializer, type SerializerFactory, SerializerSelector } from '@fastify/fast-json-stringify-compiler'

const compilerFor = SerializerSelector()
const compiled = new Map<string, Serializer>()

/**
 * What Fastify serialises answers with by itself, but each schema is compiled once a process. Nearly all routes share the
 * schema of their refusals: without this a start compiles it hundreds of times.
 */
export const serializers: SerializerFactory = (sharedSchemas, options) => {
  const compile = compilerFor(sharedSchemas, options)
  const scope = JSON.stringify([sharedSchemas, options])
  return route => {
    const key = scope + JSON.stringify(route.schema)
    const serializer = compiled.get(key) ?? compile(route)
    compiled.set(key, serializer)
    return serializer
  }
}
