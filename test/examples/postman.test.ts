import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import t from 'tap'
import { describeApi } from '../../scripts/describe-api.js'
import { collectionOf } from '../../scripts/postman/collection.js'
import type { Document } from '../../scripts/postman/operations.js'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient, clientToken, makeClient } from '../support/clients.js'
import { collection, environment, type Folder, type Item, itemCalled, only, run, withItems } from './postman-runner.js'

const example = resolve(import.meta.dirname, '../../examples/postman')
const ALL = { DIALECTS: 'simple-jwt,sessions,envelope' }

t.test('a run of the whole collection succeeds, and sends a request for every operation', async t => {
  const called = new Set<string>()
  const { app } = await buildTestApp(t, ALL, {
    prepare(app) {
      app.addHook('onResponse', async ({ method, routeOptions: { url } }) => {
        called.add(`${method} ${url?.replaceAll(/:(\w+)/g, '{$1}')}`)
      })
    },
  })
  const base_url = await app.listen({ port: 0, host: '127.0.0.1' })
  const { id, secret } = await makeClient(app, 'introspect', 'sessions', 'revocations', 'admin')
  const { failures, requests, passed, environment } = await run(collection, {
    base_url,
    client_id: id,
    client_secret: secret,
  })
  t.same(failures, [])
  t.comment(`${requests.length} requests, ${passed} checks`)
  t.match(environment, { access_token: '', refresh_token: '' }, 'it ends signed out')

  const operations = Object.entries(app.swagger().paths as Document['paths']).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`),
  )
  t.ok(operations.length > 40)
  t.same(
    operations.filter(operation => !called.has(operation)),
    [],
  )
  const left = await app.inject({ url: '/admin/users', headers: await asClient(app, 'admin') })
  t.same(left.json().users, [], 'no account is left')
})

t.test('the request for the stream is left out of a run, and receives the stream when it is sent alone', async t => {
  const { app } = await buildTestApp(t)
  const base_url = await app.listen({ port: 0, host: '127.0.0.1' })
  const client_token = await clientToken(app, await makeClient(app, 'revocations'))
  const statuses: number[] = []
  await run(only('Follow the revocations'), { base_url, client_token }, status => {
    statuses.push(status)
    app.server.closeAllConnections()
  })
  t.same(statuses, [200])
})

t.test('a service without the envelope skips its checks', async t => {
  const { app } = await buildTestApp(t)
  const base_url = await app.listen({ port: 0, host: '127.0.0.1' })
  const client_token = await clientToken(app, await makeClient(app, 'admin'))
  const envelope = collection.item.find(({ name }) => name === 'Envelope') as Folder
  const { failures, requests } = await run(withItems(envelope.item as Item[]), { base_url, client_token })
  t.same(failures, [])
  t.same([...new Set(requests.map(({ status }) => status))], [404])
})

t.test('a cookie of another sign-in does not make a refresh ambiguous', async t => {
  const { app } = await buildTestApp(t, { COOKIE_INSECURE: 'on' })
  const base_url = await app.listen({ port: 0, host: '127.0.0.1' })
  const browser = structuredClone(itemCalled('Log in on a phone'))
  browser.request.body!.raw = browser.request.body!.raw.replace('"body"', '"cookie"')
  const { failures } = await run(withItems([itemCalled('Register'), browser, itemCalled('Refresh now')]), { base_url })
  t.same(failures, [])
})

t.test('the scripts in the collection are the files beside it', async t => {
  const scriptsOf = ({ event = [] }: Pick<Folder, 'event'>) => event.map(({ script }) => `${script.exec.join('\n')}\n`)
  const fileOf = (name: string) => readFileSync(`${example}/${name}`, 'utf8')
  t.same(scriptsOf(collection), [fileOf('auto-refresh.js')])
  const administration = collection.item.find(({ name }) => name === 'Administration') as Folder
  t.same(scriptsOf(administration), [fileOf('client-token.js')])
  t.ok(scriptsOf(itemCalled('Log in')).some(script => script.endsWith(fileOf('save-tokens.js'))))
})

t.test('the environment contains no secret, and tokens and secrets are hidden', async t => {
  const variables = new Map(environment.values.map(({ key, value, type }) => [key, { value, type }]))
  for (const name of ['access_token', 'refresh_token', 'client_secret'])
    t.same(variables.get(name), { value: '', type: 'secret' }, name)
  t.same([variables.get('token_expiry')?.value, variables.get('client_id')?.value], ['', ''])
})

t.test('a new operation without a request is refused, and so is a request for an operation that is gone', async t => {
  const document = (await describeApi(ALL)) as Document
  const { get } = document.paths['/livez']!
  document.paths['/new'] = { get: { ...get!, operationId: 'somethingNew' } }
  t.throws(() => collectionOf(document), /No request of the Postman collection sends somethingNew/)
  delete document.paths['/new']
  delete document.paths['/livez']
  t.throws(() => collectionOf(document), /is for checkLiveness, which the OpenAPI document does not have/)
})
