import { exec } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { describeApi } from '../../scripts/describe-api.js'
import { collectionOf } from '../../scripts/postman/collection.js'
import type { Document } from '../../scripts/postman/operations.js'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient, clientToken, makeClient } from '../support/clients.js'
import { until } from '../support/eventually.js'
import {
  collection,
  environment,
  type Folder,
  folder,
  type Item,
  itemCalled,
  only,
  type Run,
  resultOf,
  run,
  withItems,
} from './postman-runner.js'

const ALL = {
  DIALECTS: 'simple-jwt,sessions,envelope',
  // Letters only have to be queued: nothing answers there.
  ...{ SMTP_URL: 'smtp://127.0.0.1:9', MAIL_FROM: 'no-reply@example.com' },
}

t.test(
  'the newman command of the README runs the whole collection without a failure, and sends a request for every operation',
  async t => {
    const called = new Set<string>()
    const { app } = await buildTestApp(t, ALL, {
      prepare(app) {
        app.addHook('onResponse', async ({ method, routeOptions: { url } }) => {
          called.add(`${method} ${url?.replaceAll(/:(\w+)/g, '{$1}')}`)
        })
      },
    })
    const base_url = await app.listen({ port: 0, host: '127.0.0.1' })
    const { id, secret } = await makeClient(app, 'introspect', 'sessions', 'revocations', 'signals', 'admin')
    const { failures, requests, passed, environment } = await runCommand(t, {
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
  },
)

/** Runs the command in the README with these values, and reads what newman writes about it. */
async function runCommand(t: Test, values: Record<string, string>): Promise<Omit<Run, 'console'>> {
  const [, command] = /```sh\n(npx newman run [\s\S]+?)```/.exec(readFileSync(`${folder}/README.md`, 'utf8'))!
  const { base_url, ...named } = values
  const report = `${t.testdir()}/report.json`
  let line = `${command!.trim()} --env-var base_url=${base_url} --reporters json --reporter-json-export ${report}`
  for (const [name, value] of Object.entries(named)) line = line.replace(`${name}=…`, `${name}=${value}`)
  // A check that fails is in the report, as the exit code 1 is.
  await promisify(exec)(line, { cwd: folder }).catch(({ code, stderr }) => t.equal(code, 1, stderr))
  return resultOf(JSON.parse(readFileSync(report, 'utf8')))
}

t.test('the request for the stream is left out of a run, and receives the stream when it is sent alone', async t => {
  const { app } = await buildTestApp(t)
  const base_url = await app.listen({ port: 0, host: '127.0.0.1' })
  const client_token = await clientToken(app, await makeClient(app, 'revocations'))
  const ran = run(only('Follow the revocations'), { base_url, client_token })
  await until(() => app.context.feed.counts.followers === 1)
  await app.close()
  t.match(await ran, { requests: [{ status: 200 }], failures: [] })
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
  const fileOf = (name: string) => readFileSync(`${folder}/${name}`, 'utf8')
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
