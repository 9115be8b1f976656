import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire } from 'node:module'
import type { FastifyInstance } from 'fastify'
import { createFailureLog, type Log } from '../lib/log.js'
import type { TraceCall } from '../lib/trace-call.js'
import { traceCalls } from './call-spans.js'
import { loadOpenTelemetry, type OpenTelemetry } from './packages.js'
import { type CurrentSpan, type LoggedTrace, traceRequests } from './request-spans.js'
import type { TracingSettings } from './settings.js'

export interface Tracing {
  /** The fields that each line of the log gets, if it belongs to a request. */
  logFields(): LoggedTrace | object
  /** Makes the spans of the calls that a request causes. */
  trace: TraceCall
  /** Creates the tracer, and traces the requests of the app. Call it before the first route is registered. */
  prepare(app: FastifyInstance, log: Log): void
}

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }

/** How long the last spans have to arrive when the service stops. */
const FLUSH_TIMEOUT_MS = 2_000

/**
 * Loads the packages of OpenTelemetry. They change no other code: this service makes its spans itself.
 *
 * @throws Error that says what to install
 */
export async function openTracing(settings: TracingSettings): Promise<Tracing> {
  const telemetry = await loadOpenTelemetry(settings.exporter)
  const current = new AsyncLocalStorage<CurrentSpan>()
  return {
    logFields: () => current.getStore()?.logged ?? {},
    trace: traceCalls(telemetry.api, current),
    prepare(app, log) {
      const provider = createProvider(telemetry, settings, log)
      traceRequests(app, { api: telemetry.api, tracer: provider.getTracer('latchkey', version), current })
      app.addHook('onClose', async () => {
        let timer: NodeJS.Timeout | undefined
        const late = new Promise(resolve => {
          timer = setTimeout(resolve, FLUSH_TIMEOUT_MS)
        })
        await Promise.race([provider.shutdown().catch(() => {}), late])
        clearTimeout(timer)
      })
    },
  }
}

function createProvider({ sdk, resources, otlp }: OpenTelemetry, settings: TracingSettings, log: Log) {
  const exporter = otlp ? reporting(new otlp.OTLPTraceExporter(), log) : new sdk.ConsoleSpanExporter()
  const named = resources.resourceFromAttributes({ 'service.name': 'latchkey', 'service.version': version })
  // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come first.
  const given = resources.detectResources({ detectors: [resources.envDetector] })
  return new sdk.TracerProvider({
    resource: resources.defaultResource().merge(named).merge(given),
    sampler: createSampler(sdk, settings.sampler),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter, ...settings.batch })],
  })
}

function createSampler(sdk: OpenTelemetry['sdk'], { kind, ratio, followsParent }: TracingSettings['sampler']) {
  const root =
    kind === 'ratio'
      ? new sdk.TraceIdRatioBasedSampler(ratio)
      : kind === 'on'
        ? new sdk.AlwaysOnSampler()
        : new sdk.AlwaysOffSampler()
  return followsParent ? new sdk.ParentBasedSampler({ root }) : root
}

type Exporter = InstanceType<NonNullable<OpenTelemetry['otlp']>['OTLPTraceExporter']>

/** Logs when the receiver is unavailable, and available again, once each. */
function reporting(exporter: Exporter, log: Log): Exporter {
  const failures = createFailureLog(log, 'warn')
  const send = exporter.export.bind(exporter)
  exporter.export = (spans, done) =>
    send(spans, result => {
      if (result.error) failures.failed('send traces', result.error)
      else failures.succeeded('send traces')
      done(result)
    })
  return exporter
}
