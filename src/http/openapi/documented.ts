import type { ErrorCode } from '../../lib/errors.js'
import type { HeaderName } from './headers.js'

/** What the OpenAPI document says about a route in addition to the schemas with which Fastify validates and serialises. */
export interface Documented {
  /** The body, if the schema that validates it says less, or says it in a form that a generated client cannot use. */
  body?: object
  /** Bodies that succeed. The page at /docs offers the first one. */
  examples?: Record<string, { summary: string; value: unknown }>
  /** Schemas of query parameters that replace those that validate: a query holds only strings. */
  query?: Record<string, object>
  /** Headers of the answers with these statuses, beside those of every answer. */
  headers?: Record<number, readonly HeaderName[]>
  /** By status: the schema of a second format of the error, `application/json`. */
  otherErrors?: Record<number, object>
  /** False if the route answers with its own errors only, and not with those that every route has. */
  commonErrors?: false
}

/** A response whose body is an error. The document lists the codes, so that generated clients know them. */
export interface DocumentedErrors {
  codes: readonly ErrorCode[]
}

declare module 'fastify' {
  interface FastifySchema {
    documented?: Documented
  }
}
