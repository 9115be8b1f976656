import t from 'tap'
import { ConfigError } from '../../src/config/config.js'
import { loadOpenTelemetry } from '../../src/tracing/packages.js'
import { readTracingSettings } from '../../src/tracing/settings.js'
import { externalStores } from '../support/external-stores.js'
import { startService } from '../support/service-process.js'
import { startReceiver } from './receiver.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'
const PASSWORD = 'a passphrase nobody would guess'

t.test('the spans of a sign-in arrive at a receiver, in the trace of the caller', async t => {
  const receiver = await startReceiver(t)
  const { env } = await externalStores(t)
  const service = await startService(t, {
    env: {
      ...env,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=canary',
    },
  })
  const send = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(`${service.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const account = { email: 'ada@example.com', password: PASSWORD, transport: 'body' }
  t.equal((await send('/auth/register', account)).status, 201)
  const traceparent = `00-${TRACE}-${PARENT}-01`
  const answer = await send('/auth/login?canary=1', account, { traceparent, tracestate: 'vendor=1' })
  t.equal(answer.status, 200)
  const { access_token, refresh_token } = (await answer.json()) as Record<string, string>
  t.equal(
    (await send('/auth/login', { ...account, password: 'not the passphrase' }, { traceparent: 'ff-0-0-0' })).status,
    401,
  )
  t.equal((await send('/auth/login', account, { traceparent: `00-${TRACE}-${PARENT}-00` })).status, 200)
  await fetch(`${service.url}/canary-path`)
  t.equal(await service.stop('SIGINT'), 0, 'the last spans are sent before it ends')

  const continued = receiver.spans.filter(({ parentSpanId }) => parentSpanId === PARENT)
  t.equal(continued.length, 1, 'what its caller does not record (-00) is not recorded here')
  const [span] = continued
  t.match(span, {
    traceId: TRACE,
    name: 'POST /auth/login',
    kind: 2,
    attributes: { 'http.request.method': 'POST', 'http.route': '/auth/login', 'http.response.status_code': 200 },
  })
  const refused = receiver.spans.find(({ attributes }) => attributes['error.type'] === 'invalid_credentials')!
  t.equal(refused.attributes['http.response.status_code'], 401)
  t.notOk(refused.parentSpanId, 'a malformed header begins a new trace')
  t.match(refused.traceId, /^[0-9a-f]{32}$/)
  t.match(receiver.resource, { 'service.name': 'latchkey', 'deployment.environment.name': 'canary' })
  t.notOk(
    receiver.spans.some(({ name }) => name.includes('readyz')),
    'probes are not traced',
  )
  for (const secret of [access_token!, refresh_token!, PASSWORD, 'ada@', 'canary-path', 'canary=1'])
    t.notOk(receiver.text().includes(secret), 'no span contains what the client sent')

  const lines = service
    .output()
    .split('\n')
    .filter(line => line.includes('"request completed"'))
    .map(line => JSON.parse(line))
  const logged = lines.filter(({ trace_id }) => trace_id === TRACE)
  t.ok(logged.length >= 2, 'the line of the request has its trace')
  t.ok(logged.some(({ span_id }) => span_id === span?.spanId))
})

t.test('a receiver that does not answer changes nothing but a line of the log', async t => {
  const { env } = await externalStores(t)
  const service = await startService(t, {
    env: {
      ...env,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      OTEL_BSP_SCHEDULE_DELAY: '50',
      OTEL_EXPORTER_OTLP_TIMEOUT: '300',
    },
  })
  t.equal((await fetch(`${service.url}/.well-known/jwks.json`)).status, 200)
  t.equal(await service.stop('SIGINT'), 0)
  t.match(service.output(), /Could not send traces/)
})

t.test('the standard variables decide whether there are traces', async t => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }
  t.equal(readTracingSettings({}), undefined)
  t.equal(readTracingSettings({ OTEL_SERVICE_NAME: 'latchkey' }), undefined)
  t.equal(readTracingSettings({ ...endpoint, OTEL_SDK_DISABLED: 'true' }), undefined)
  t.equal(readTracingSettings({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }), undefined)
  t.match(readTracingSettings(endpoint), { exporter: 'http/protobuf', sampler: { kind: 'on', followsParent: true } })
  t.match(readTracingSettings({ OTEL_TRACES_EXPORTER: 'console' }), { exporter: 'console' })
  t.match(readTracingSettings({ ...endpoint, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' }), {
    sampler: { kind: 'ratio', ratio: 0.25, followsParent: false },
  })
  for (const [variable, value] of [
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_TRACES_EXPORTER', 'jaeger'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_BSP_SCHEDULE_DELAY', 'soon'],
  ] as const)
    t.throws(() => readTracingSettings({ ...endpoint, [variable]: value }), ConfigError, variable)
})

t.test('both forms of the protocol can be loaded', async t => {
  for (const exporter of ['http/protobuf', 'http/json'] as const)
    t.type((await loadOpenTelemetry(exporter)).otlp?.OTLPTraceExporter, 'function')
  t.equal((await loadOpenTelemetry('console')).otlp, undefined)
})

t.test('a start without the packages says what to install', async t => {
  const missing = async () => {
    throw Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' })
  }
  await t.rejects(loadOpenTelemetry('http/protobuf', missing), {
    message:
      /run "npm install --save-prod @opentelemetry\/api@[\d.]+ .*@opentelemetry\/exporter-trace-otlp-proto@[\d.]+"/,
  })
})
