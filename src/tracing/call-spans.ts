import type { AsyncLocalStorage } from 'node:async_hooks'
import type * as Api from '@opentelemetry/api'
import { codeOf, messageOf } from '../lib/error-facts.js'
import { LatchkeyError } from '../lib/errors.js'
import type { CallSpan, OutgoingCall, TraceCall } from '../lib/trace-call.js'
import type { CurrentSpan } from './request-spans.js'

/**
 * Makes the spans of calls to Postgres, Redis and issuers, by the semantic conventions of OpenTelemetry for databases and
 * HTTP. They contain names only: of a statement, a table, a command or a script.
 */
export function traceCalls(api: typeof Api, current: AsyncLocalStorage<CurrentSpan>): TraceCall {
  return async (call, work) => {
    const above = current.getStore()
    if (above === undefined) return work(undefined)
    // One that is not sampled, or was answered: work that goes on for other requests is not part of its trace.
    if (!above.request.isRecording()) return work(callSpan(above.span))
    const { name, attributes } = describe(call)
    const parent = api.trace.setSpan(api.ROOT_CONTEXT, above.span)
    const span = above.tracer.startSpan(name, { kind: api.SpanKind.CLIENT, attributes }, parent)
    try {
      return await current.run({ ...above, span }, () => work(callSpan(span)))
    } catch (error) {
      if (isFailure(error)) span.setAttributes(failureOf(error, call)).setStatus({ code: api.SpanStatusCode.ERROR })
      throw error
    } finally {
      span.end()
    }
  }
}

function callSpan(span: Api.Span): CallSpan {
  return {
    get headers() {
      const { traceId, spanId, traceFlags, traceState } = span.spanContext()
      const tracestate = traceState?.serialize()
      return {
        traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
        ...(tracestate && { tracestate }),
      }
    },
    describe(call) {
      const { name, attributes } = describe(call)
      span.updateName(name).setAttributes(attributes)
    },
    answered(status) {
      span.setAttribute('http.response.status_code', status)
    },
  }
}

function describe(call: OutgoingCall): { name: string; attributes: Api.Attributes } {
  switch (call.to) {
    case 'postgresql':
      return describeStore('postgresql', call.operation, ['db.collection.name', call.table])
    case 'redis':
      return describeStore('redis', call.command, ['db.stored_procedure.name', call.script])
    case 'http': {
      const { hostname, port, protocol, origin, pathname } = call.url
      return {
        name: call.method,
        attributes: {
          'http.request.method': call.method,
          'server.address': hostname,
          'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
          // Without the query: a registered address can have a key there.
          'url.full': `${origin}${pathname}`,
        },
      }
    }
  }
}

function describeStore(system: string, operation: string, [attribute, target]: [string, string | undefined]) {
  const named = { 'db.system.name': system, 'db.operation.name': operation }
  return target === undefined
    ? { name: operation, attributes: named }
    : { name: `${operation} ${target}`, attributes: { ...named, [attribute]: target } }
}

/** A transaction that ends because the service refuses the request has not failed. */
function isFailure(error: unknown): boolean {
  return !(error instanceof LatchkeyError) || error.code === 'store_unavailable'
}

/** A code or a name. Never the message, which can quote a value. */
function failureOf(error: unknown, { to }: OutgoingCall): Api.Attributes {
  const cause = (error as { cause?: unknown } | undefined)?.cause
  const prefix = to === 'redis' ? /^([A-Z]+) /.exec(messageOf(error))?.[1] : undefined
  const code = [prefix ?? '', codeOf(cause), codeOf(error)].find(text => CODE.test(text))
  const answer = prefix ?? (to === 'postgresql' && code !== undefined && SQLSTATE.test(code) ? code : undefined)
  return {
    'error.type': code ?? (error instanceof Error && error.name !== 'Error' ? error.name : '_OTHER'),
    ...(answer !== undefined && { 'db.response.status_code': answer }),
  }
}

const CODE = /^\w{1,40}$/
/** The manual of Postgres, appendix A. */
const SQLSTATE = /^[0-9A-Z]{5}$/
