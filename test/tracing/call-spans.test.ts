import type { IncomingHttpHeaders } from 'node:http'
import t from 'tap'
import { ASSERTION_TYPE } from '../support/assertions.js'
import { ACCOUNT, startCluster } from '../support/cluster-issuer.js'
import { externalStores } from '../support/external-stores.js'
import { findFreePort } from '../support/free-port.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { startService } from '../support/service-process.js'
import { type ReceivedSpan, type Receiver, startReceiver } from './receiver.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'
const PASSWORD = 'a passphrase nobody would guess'

t.test('the calls of a request to the stores are below its span, by their names alone', async t => {
  const receiver = await startReceiver(t)
  const { env } = await externalStores(t)
  const service = await startService(t, { env: { ...env, ...tracesTo(receiver), RATE_LIMIT: 'on' } })
  const send = (method: string, path: string, body?: object, headers?: Record<string, string>) =>
    fetch(`${service.url}${path}`, {
      method,
      headers: { traceparent: `00-${TRACE}-${PARENT}-01`, ...(body && JSON_BODY), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    })
  const account = { email: 'ada@example.com', password: PASSWORD, transport: 'body' }
  const registered = (await (await send('POST', '/auth/register', account)).json()) as Record<string, string>
  const refreshed = await send('POST', '/auth/refresh', { refresh_token: registered.refresh_token })
  t.equal(refreshed.status, 200)
  const tokens = (await refreshed.json()) as Record<string, string>
  const authorization = { authorization: `Bearer ${tokens.access_token}` }
  const session = `/auth/sessions/${tokens.session_id}`
  t.equal((await send('PATCH', session, { label: 'canary label' }, authorization)).status, 204)
  t.equal((await send('GET', '/auth/sessions', undefined, authorization)).status, 200)
  t.equal((await send('POST', '/auth/logout', { refresh_token: tokens.refresh_token })).status, 204)
  t.equal(await service.stop('SIGINT'), 0)

  const { below, named } = treeOf(receiver)
  const refresh = below(named('POST /auth/refresh'))
  t.strictSame(
    refresh.map(({ name }) => name),
    ['EVALSHA latchkeyHit', 'rotate_refresh_token'],
  )
  t.strictSame(
    refresh.map(({ kind, attributes }) => ({ kind, attributes })),
    [
      {
        kind: 3,
        attributes: {
          'db.system.name': 'redis',
          'db.operation.name': 'EVALSHA',
          'db.stored_procedure.name': 'latchkeyHit',
        },
      },
      {
        kind: 3,
        attributes: { 'db.system.name': 'postgresql', 'db.operation.name': 'rotate_refresh_token' },
      },
    ],
  )
  t.match(below(named('PATCH /auth/sessions/:id')).at(-1), {
    name: 'update sessions',
    attributes: { 'db.operation.name': 'update', 'db.collection.name': 'sessions' },
  })
  t.ok(below(named('GET /auth/sessions')).some(({ name }) => name === 'GET'))
  const [transaction] = below(named('POST /auth/logout')).filter(({ name }) => name === 'transaction')
  t.ok(
    below(transaction!).some(({ name }) => name === 'append_revocations'),
    'the statements of a transaction are below it',
  )
  t.ok(receiver.spans.every(({ traceId }) => traceId === TRACE))

  const secrets = [registered, tokens].flatMap(({ access_token, refresh_token, session_id }) => [
    access_token!,
    refresh_token!,
    session_id!,
  ])
  for (const secret of [...secrets, PASSWORD, 'ada@', 'canary', env.REDIS_KEY_PREFIX!, '127.0.0.1'])
    t.notOk(receiver.text().includes(secret), 'nothing that was exported contains a value')
})

t.test('a failure is named by its code, and work without a request has no span', async t => {
  const receiver = await startReceiver(t)
  const { env } = await externalStores(t)
  const redis = `redis://127.0.0.1:${await findFreePort()}`
  const service = await startService(t, {
    env: { ...env, ...tracesTo(receiver), RATE_LIMIT: 'on', REDIS_URL: redis },
  })
  const body = JSON.stringify({ refresh_token: 'lk_rt_unknown' })
  const refused = await fetch(`${service.url}/auth/refresh`, { method: 'POST', headers: JSON_BODY, body })
  t.equal(refused.status, 401)
  t.equal(await service.stop('SIGINT'), 0)
  const { below, named } = treeOf(receiver)
  const request = named('POST /auth/refresh')
  t.strictSame(receiver.spans, [...below(request), request])
  t.match(below(request), [{ name: 'EVALSHA latchkeyHit', status: { code: 2 }, attributes: { 'error.type': String } }])
})

t.test('an issuer gets the trace with the request for its keys', async t => {
  const receiver = await startReceiver(t)
  const { env } = await externalStores(t)
  const cluster = await startCluster(t)
  const asked: IncomingHttpHeaders[] = []
  cluster.answer = ({ url, headers }, response) => {
    asked.push(headers)
    if (url === '/.well-known/openid-configuration')
      return response.end(JSON.stringify({ issuer: cluster.issuer, jwks_uri: `${cluster.issuer}/keys?api_key=canary` }))
    return response.writeHead(503).end('canary')
  }
  const client = ['--scope', 'introspect', '--issuer', cluster.issuer, '--subject', ACCOUNT, '--audience', 'latchkey']
  const created = await runLatchkey(['clients', 'create', 'pod', ...client, '--json'], { env })
  const { client_id } = JSON.parse(created.stdout) as { client_id: string }
  const service = await startService(t, { env: { ...env, ...tracesTo(receiver) } })
  const token = await cluster.token()
  const form = {
    grant_type: 'client_credentials',
    client_id,
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: token,
  }
  const refused = await fetch(`${service.url}/oauth/token`, {
    method: 'POST',
    headers: { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'vendor=1' },
    body: new URLSearchParams(form),
  })
  t.equal(refused.status, 503)
  t.equal(await service.stop('SIGINT'), 0)

  const { below, named } = treeOf(receiver)
  const requests = below(named('POST /oauth/token')).filter(({ name }) => name === 'GET')
  t.match(requests, [
    { kind: 3, attributes: { 'http.response.status_code': 200 } },
    {
      kind: 3,
      attributes: { 'http.response.status_code': 503, 'error.type': '503', 'url.full': `${cluster.issuer}/keys` },
    },
  ])
  t.strictSame(
    asked.map(headers => [headers.traceparent, headers.tracestate]),
    requests.map(({ spanId }) => [`00-${TRACE}-${spanId}-01`, 'vendor=1']),
  )
  for (const secret of [token, 'canary']) t.notOk(receiver.text().includes(secret))
})

const JSON_BODY = { 'content-type': 'application/json' }

function tracesTo({ url }: Receiver): NodeJS.ProcessEnv {
  return { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }
}

function treeOf({ spans }: Receiver) {
  return {
    below: ({ spanId }: ReceivedSpan) => spans.filter(({ parentSpanId }) => parentSpanId === spanId),
    named: (wanted: string) => spans.find(({ name }) => name === wanted)!,
  }
}
