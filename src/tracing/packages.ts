import type * as Api from '@opentelemetry/api'
import type * as Otlp from '@opentelemetry/exporter-trace-otlp-proto'
import type * as Resources from '@opentelemetry/resources'
import type * as Sdk from '@opentelemetry/sdk-trace'
import { codeOf } from '../lib/error-facts.js'
import type { TracingSettings } from './settings.js'

/** The packages of OpenTelemetry. They are not installed with this service (docs/adr/0024-metrics-and-traces.md). */
export interface OpenTelemetry {
  api: typeof Api
  sdk: typeof Sdk
  resources: typeof Resources
  /** Undefined for the exporter `console`, which is part of the SDK. */
  otlp: Pick<typeof Otlp, 'OTLPTraceExporter'> | undefined
}

const VERSIONS = {
  '@opentelemetry/api': '1.9',
  '@opentelemetry/sdk-trace': '2.12',
  '@opentelemetry/resources': '2.12',
  '@opentelemetry/exporter-trace-otlp-proto': '0.223',
  '@opentelemetry/exporter-trace-otlp-http': '0.223',
} as const

type PackageName = keyof typeof VERSIONS

/** @throws Error that says what to install */
export async function loadOpenTelemetry(
  exporter: TracingSettings['exporter'],
  load: (name: string) => Promise<unknown> = name => import(name),
): Promise<OpenTelemetry> {
  const otlp: PackageName[] =
    exporter === 'console'
      ? []
      : exporter === 'http/json'
        ? ['@opentelemetry/exporter-trace-otlp-http']
        : ['@opentelemetry/exporter-trace-otlp-proto']
  const names: PackageName[] = ['@opentelemetry/api', '@opentelemetry/sdk-trace', '@opentelemetry/resources', ...otlp]
  try {
    const [api, sdk, resources, exporters] = await Promise.all(names.map(load))
    return { api, sdk, resources, otlp: exporters } as OpenTelemetry
  } catch (error) {
    if (!/MODULE_NOT_FOUND$/.test(codeOf(error))) throw error
    const command = `npm install --save-prod ${names.map(name => `${name}@${VERSIONS[name]}`).join(' ')}`
    throw new Error(`Traces need packages that are not installed: run "${command}", or set OTEL_SDK_DISABLED=true.`, {
      cause: error,
    })
  }
}
