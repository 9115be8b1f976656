import type { AsyncLocalStorage } from 'node:async_hooks'
import type * as Api from '@opentelemetry/api'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { factsOf } from '../http/request-facts.js'
import { methodOf, routeOf } from '../http/request-pattern.js'

/** The names that OpenTelemetry gives these fields in a log. */
export interface LoggedTrace {
  trace_id: string
  span_id: string
}

/** What runs now: a request, or a call that it makes. */
export interface CurrentSpan {
  tracer: Api.Tracer
  request: Api.Span
  /** Of the request itself, or of the call. */
  span: Api.Span
  /** Of the request, for calls too: its lines of the log belong together. */
  logged: LoggedTrace
}

export interface TraceOptions {
  api: typeof Api
  tracer: Api.Tracer
  current: AsyncLocalStorage<CurrentSpan>
}

/** Probes would be most of all spans, and an answer of the feed has no end. */
const UNTRACED = new Set(['/livez', '/readyz', '/auth/revocations'])

/**
 * Makes a span for each request: the pattern of its route, its method and status, and the code of its error. No path, no
 * query, no header, no address, and nothing about the user.
 */
export function traceRequests(app: FastifyInstance, { api, tracer, current }: TraceOptions): void {
  const traced = new WeakMap<FastifyRequest, CurrentSpan>()

  app.addHook('onRequest', (request, _reply, done) => {
    const route = routeOf(request)
    if (UNTRACED.has(route)) return done()
    const method = methodOf(request)
    const attributes = { 'http.request.method': method === 'other' ? '_OTHER' : method, 'http.route': route }
    const options = { kind: api.SpanKind.SERVER, attributes }
    const span = tracer.startSpan(`${method} ${route}`, options, parentOf(api, request))
    const { traceId, spanId } = span.spanContext()
    const running = { tracer, request: span, span, logged: { trace_id: traceId, span_id: spanId } }
    traced.set(request, running)
    current.run(running, done)
  })

  // The body arrives in another asynchronous context, and so does the end of the answer.
  app.addHook('preValidation', (request, _reply, done) => resume(request, done))
  app.addHook('onResponse', (request, reply, done) => {
    const { span } = traced.get(request) ?? {}
    if (span) {
      const { code } = factsOf(request)
      span.setAttribute('http.response.status_code', reply.statusCode)
      if (code !== undefined) span.setAttribute('error.type', code)
      if (reply.statusCode >= 500) span.setStatus({ code: api.SpanStatusCode.ERROR })
      span.end()
    }
    resume(request, done)
  })
  app.addHook('onRequestAbort', (request, done) => {
    traced.get(request)?.span.setAttribute('error.type', 'aborted').end()
    done()
  })

  function resume(request: FastifyRequest, done: () => void): void {
    const running = traced.get(request)
    if (running) current.run(running, done)
    else done()
  }
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/

/** The span of the caller (https://www.w3.org/TR/trace-context/). A malformed header begins a new trace. */
function parentOf(api: typeof Api, { headers }: FastifyRequest): Api.Context {
  const { traceparent, tracestate } = headers
  const [, traceId, spanId, flags] = (typeof traceparent === 'string' && TRACEPARENT.exec(traceparent)) || []
  if (traceId === undefined || spanId === undefined) return api.ROOT_CONTEXT
  const parent: Api.SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags!, 16) & api.TraceFlags.SAMPLED,
    isRemote: true,
    ...(typeof tracestate === 'string' && { traceState: api.createTraceState(tracestate) }),
  }
  return api.isSpanContextValid(parent) ? api.trace.setSpanContext(api.ROOT_CONTEXT, parent) : api.ROOT_CONTEXT
}
