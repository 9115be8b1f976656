import { ConfigError } from '../config/config.js'

/** What the standard variables of OpenTelemetry say about traces. The exporter itself reads the other ones. */
export interface TracingSettings {
  exporter: 'http/protobuf' | 'http/json' | 'console'
  sampler: { kind: 'on' | 'off' | 'ratio'; ratio: number; followsParent: boolean }
  batch: { scheduledDelayMillis?: number; maxQueueSize?: number; maxExportBatchSize?: number }
}

/**
 * Reads the standard variables. Tracing is on if they name a receiver, or choose an exporter.
 *
 * @returns undefined if there are no traces
 * @throws ConfigError for a value that is not supported
 */
export function readTracingSettings(env: NodeJS.ProcessEnv): TracingSettings | undefined {
  const read = (name: string) => env[name]?.trim() || undefined
  if (read('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return undefined
  const chosen = read('OTEL_TRACES_EXPORTER')
  const endpoint = read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ?? read('OTEL_EXPORTER_OTLP_ENDPOINT')
  if (chosen === 'none' || (chosen === undefined && endpoint === undefined)) return undefined
  const problems: string[] = []
  if (endpoint !== undefined && !/^https?:$/.test(URL.canParse(endpoint) ? new URL(endpoint).protocol : ''))
    problems.push('OTEL_EXPORTER_OTLP_ENDPOINT must be an address such as http://collector:4318.')
  const settings: TracingSettings = {
    exporter: readExporter(chosen, read('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? read('OTEL_EXPORTER_OTLP_PROTOCOL')),
    sampler: readSampler(read('OTEL_TRACES_SAMPLER'), read('OTEL_TRACES_SAMPLER_ARG')),
    batch: {
      ...readCount('scheduledDelayMillis', 'OTEL_BSP_SCHEDULE_DELAY'),
      ...readCount('maxQueueSize', 'OTEL_BSP_MAX_QUEUE_SIZE'),
      ...readCount('maxExportBatchSize', 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
    },
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return settings

  function readExporter(exporter = 'otlp', protocol = 'http/protobuf'): TracingSettings['exporter'] {
    if (exporter === 'console') return 'console'
    if (exporter !== 'otlp') problems.push('OTEL_TRACES_EXPORTER must be otlp, console or none.')
    if (protocol === 'http/protobuf' || protocol === 'http/json') return protocol
    problems.push(
      'OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf or http/json: use the port of your collector for HTTP, ' +
        'usually 4318.',
    )
    return 'http/protobuf'
  }

  function readSampler(name = 'parentbased_always_on', argument = '1'): TracingSettings['sampler'] {
    const kind = SAMPLERS[name.replace(/^parentbased_/, '')]
    if (kind === undefined)
      problems.push(
        `OTEL_TRACES_SAMPLER must be ${Object.keys(SAMPLERS).join(', ')}, or one of them after parentbased_.`,
      )
    const ratio = Number(argument)
    if (kind === 'ratio' && !(ratio >= 0 && ratio <= 1))
      problems.push('OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1.')
    return { kind: kind ?? 'on', ratio, followsParent: name.startsWith('parentbased_') }
  }

  function readCount(field: keyof TracingSettings['batch'], variable: string): TracingSettings['batch'] {
    const text = read(variable)
    if (text === undefined) return {}
    if (!/^[1-9]\d{0,8}$/.test(text)) problems.push(`${variable} must be a whole number above 0.`)
    return { [field]: Number(text) }
  }
}

const SAMPLERS: Record<string, TracingSettings['sampler']['kind']> = {
  always_on: 'on',
  always_off: 'off',
  traceidratio: 'ratio',
}
