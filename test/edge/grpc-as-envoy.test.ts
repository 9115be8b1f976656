import { fileURLToPath } from 'node:url'
import { type Client, credentials, loadPackageDefinition, type ServiceError, status } from '@grpc/grpc-js'
import { load } from '@grpc/proto-loader'
import t from 'tap'
import { edgeEnv, startEdge } from '../support/edge-process.js'
import { until } from '../support/eventually.js'
import { startToyIssuer } from '../verifier/toy-issuer.js'

// The edge over gRPC, asked by a client of envoy.proto and health.proto, with all that an Envoy sends.

interface Message {
  [field: string]: unknown
}
type Call = (request: Message, done: (error: ServiceError | null, answer: Message) => void) => void

const NAME = 'envoy.service.auth.v3.Authorization'
const toy = await startToyIssuer(t)
const edge = await startEdge(t, { ...edgeEnv(toy), EDGE_GRPC_PORT: 'free', SHUTDOWN_DELAY: '400ms' })
const check = await caller('envoy.proto', definition => definition.envoy.service.auth.v3.Authorization)
const health = await caller('health.proto', definition => definition.grpc.health.v1.Health)

t.test('a request with every field of Envoy is admitted, and each header replaces that of the client', async t => {
  const headers = {
    ':authority': 'shop.example.com',
    'x-request-id': '1',
    'x-auth-roles': 'admin',
    'x.auth.roles': 'admin',
  }
  const answer = await check(attributes({ ...headers, authorization: `Bearer ${toy.token({ sub: 'ada', sid: 's' })}` }))
  t.match(answer, { status: { code: 0 }, http_response: 'ok_response' })
  const { headers: replaced, headers_to_remove: removed } = answer.ok_response as Record<string, Message[]>
  t.ok(replaced!.length >= 2)
  for (const { header, append, append_action: action } of replaced!)
    t.match(
      { append, action },
      { append: { value: false }, action: 'APPEND_IF_EXISTS_OR_ADD' },
      (header as Message).key as string,
    )
  t.ok((removed as unknown as string[]).includes('x.auth.roles'), 'some services read dots as hyphens')
})

t.test('a refusal has a status that Envoy knows, and problem details', async t => {
  t.match(await check(attributes({})), {
    status: { code: status.UNAUTHENTICATED },
    http_response: 'denied_response',
    denied_response: { status: { code: 'Unauthorized' }, body: /"code":"authentication_required"/ },
  })
})

t.test('headers as bytes are understood, and a body is ignored', async t => {
  const raw = Object.entries({ authorization: `Bearer ${toy.token()}`, 'x-name': 'é' })
  const header_map = { headers: raw.map(([key, value]) => ({ key, raw_value: Buffer.from(value, 'latin1') })) }
  const http = { method: 'POST', path: '/orders', header_map, raw_body: Buffer.alloc(200_000, 255) }
  t.match(await check({ attributes: { request: { http } } }), { status: { code: 0 } })
})

t.test('a health check answers for the process and for its service, and no other', async t => {
  t.match(await health({ service: '' }), { status: 'SERVING' })
  t.match(await health({ service: NAME }), { status: 'SERVING' })
  await t.rejects(health({ service: 'another' }), { code: status.NOT_FOUND })
})

t.test('an edge that stops says so to health checks first, and still decides', async t => {
  const stopped = edge.stop()
  await until(async () => (await health({ service: NAME })).status === 'NOT_SERVING')
  t.match(await check(attributes({ authorization: `Bearer ${toy.token()}` })), { status: { code: 0 } })
  t.equal(await stopped, 0)
})

t.test('an edge without keys and list is not serving', async t => {
  const unready = await startToyIssuer(t)
  await unready.stop()
  const started = await startEdge(t, { ...edgeEnv(unready), EDGE_GRPC_PORT: 'free' }, { isReady: false })
  const ask = await caller('health.proto', definition => definition.grpc.health.v1.Health, started.grpc)
  t.match(await ask({ service: NAME }), { status: 'NOT_SERVING' })
})

function attributes(headers: Record<string, string>): Message {
  const address = (port: number) => ({ address: { socket_address: { address: '10.0.0.1', port_value: port } } })
  const http = {
    id: '7',
    method: 'GET',
    path: '/orders?x=1',
    host: 'shop.example.com',
    scheme: 'https',
    size: -1,
    protocol: 'HTTP/2',
    headers,
  }
  return {
    attributes: {
      source: { ...address(40_000), principal: 'spiffe://cluster/shop' },
      destination: address(443),
      request: { time: { seconds: 1, nanos: 2 }, http },
      context_extensions: { route: 'orders' },
      tls_session: { sni: 'shop.example.com' },
    },
  }
}

/** A function that sends one message to the `Check` of a service. */
async function caller(
  file: string,
  // biome-ignore lint/suspicious/noExplicitAny: its content is that of the file.
  find: (definition: any) => new (address: string, credentials: unknown) => Client,
  address = edge.grpc,
): Promise<(request: Message) => Promise<Message>> {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const definition = loadPackageDefinition(
    await load(path, { keepCase: true, enums: String, defaults: true, oneofs: true }),
  )
  const Service = find(definition)
  const client = new Service(address, credentials.createInsecure())
  t.teardown(() => client.close())
  const call = (client as unknown as { Check: Call }).Check.bind(client)
  return request =>
    new Promise((resolve, reject) => call(request, (error, answer) => (error ? reject(error) : resolve(answer))))
}
