import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { compiledPath } from '../support/compiled-path.js'
import { type EdgeProcess, edgeEnv, rulesFile, startEdge } from '../support/edge-process.js'
import { until } from '../support/eventually.js'
import { findFreePort } from '../support/free-port.js'
import { HttpClient } from '../support/http-client.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { startToyIssuer } from '../verifier/toy-issuer.js'

t.test('the edge loads one file, and no part of Node that it does not use', async t => {
  const toy = await startToyIssuer(t)
  const file = await rulesFile(t, 'rules: [{ prefix: /, access: signed in }]')
  const env = { ...edgeEnv(toy), EDGE_GATEWAY: 'nginx', EDGE_RULES_FILE: file }
  const ask = async (edge: EdgeProcess, times: number) => {
    const client = new HttpClient(edge.url)
    t.teardown(() => client.close())
    const headers = { 'x-original-uri': '/a', 'x-original-method': 'GET', authorization: `Bearer ${toy.token()}` }
    const statuses = new Set<number>()
    for (let count = 0; count < times; count++) statuses.add((await client.send('GET', '/auth/verify', headers)).status)
    t.same([...statuses], [200])
  }

  const log = `data:text/javascript,${encodeURIComponent(LIST_MODULES)}`
  const listed = await startEdge(t, { ...env, NODE_OPTIONS: `--import=${log}` })
  await ask(listed, 1)
  t.same(
    filesOf(listed),
    ['cli.js', 'cli/run-edge.js', 'edge.cjs'],
    'each further file, and each import of a module in CommonJS, takes memory',
  )
  const withGrpc = await startEdge(t, { ...env, EDGE_GRPC_PORT: '0', NODE_OPTIONS: `--import=${log}` })
  await ask(withGrpc, 1)
  t.same(filesOf(withGrpc), ['cli.js', 'cli/run-edge.js', 'edge.cjs', 'edge-grpc.cjs'], 'gRPC is one file too')
  const bundled = [...(await readFile(compiledPath('src/edge.cjs'), 'utf8')).matchAll(/^ *\/\/ (\S+\.\w?[jt]s)$/gm)]
  const sources = bundled.map(([, source]) => source!)
  t.ok(sources.includes('src/edge/serve-edge.ts'), 'the bundle names its sources')
  t.same(
    sources.filter(
      source =>
        !/^(src\/(edge|config|lib)|packages\/verifier\/src|node_modules\/(yaml|eventsource-parser|close-with-grace|ipaddr\.js))\//.test(
          source,
        ),
    ),
    [],
    'no driver of a database, no password hash, no web framework, no gRPC',
  )

  const parts = join(dirname(file), 'parts.cjs')
  await writeFile(parts, LIST_PARTS)
  const edge = await startEdge(t, { ...env, NODE_OPTIONS: `--require=${parts}` })
  await ask(edge, 300)
  const status = await readFile(`/proc/${edge.pid}/status`, 'utf8')
  t.equal(await edge.stop(), 0)
  const loaded: string[] = edge.stderr().match(/^part .*$/gm) ?? []
  t.ok(loaded.includes('part _http_client'), 'the list has what was loaded')
  t.same(
    loaded.filter(part => UNUSED_PARTS.test(part)),
    [],
    'no fetch, no web streams, no TLS for an address with http:, no parser of CommonJS',
  )
  // The rest is the program of Node itself, which all its processes on a machine share.
  const megabytes = Number(/RssAnon:\s+(\d+) kB/.exec(status)![1]) / 1000
  t.comment(`${megabytes} MB of its own`)
  t.ok(megabytes < 60, `${megabytes} MB`)
})

/** The files that a process with LIST_MODULES loaded, by their names in src. */
function filesOf(edge: EdgeProcess): string[] {
  const modules = edge.stderr().match(/^module (\/|file:).*$/gm) ?? []
  return modules.map(url => url.replace(/^.*\/src\//, ''))
}

const UNUSED_PARTS =
  /undici|webstreams\/readablestream|part https|part tls|http2|part fs\/promises|webcrypto|cjs-module-lexer|zlib|worker_threads/

/** Writes the name of every part of Node that was loaded to stderr, at the end. */
const LIST_PARTS = `process.on('exit', () => {
  const names = process.moduleLoadList.filter(name => name.startsWith('NativeModule '))
  require('node:fs').writeSync(2, names.map(name => name.replace('NativeModule', 'part') + '\\n').join(''))
})`

/** Writes the address of every module that Node loads to stderr. */
const LIST_MODULES = `
import Module from 'node:module'
const load = Module._load
Module._load = function (request, parent, ...rest) {
  process.stderr.write('module ' + Module._resolveFilename(request, parent) + '\\n')
  return load.call(this, request, parent, ...rest)
}
Module.register('data:text/javascript,' + encodeURIComponent(\`
import { writeSync } from 'node:fs'
export async function load(url, context, next) { writeSync(2, 'module ' + url + '\\\\n'); return next(url, context) }
\`))`

t.test('a configuration that cannot work ends the start, names every variable and says what to do', async t => {
  const good = { EDGE_ISSUER: 'https://auth.example.com', EDGE_CLIENT_ID: 'x', EDGE_CLIENT_SECRET: 'y' }
  const cases: [env: NodeJS.ProcessEnv, says: RegExp[]][] = [
    [
      {},
      [
        /EDGE_ISSUER is not set: set it to/,
        /EDGE_CLIENT_ID is not set: create a client with/,
        /EDGE_CLIENT_SECRET is not set/,
      ],
    ],
    [{ ...good, EDGE_PORT: '70000' }, [/EDGE_PORT must be a whole number from 0 to 65535; the value is "70000"/]],
    [{ ...good, EDGE_MAX_STALENESS: '60' }, [/EDGE_MAX_STALENESS needs a unit: write 60s/]],
    [{ ...good, EDGE_GATEWAY: 'apache' }, [/EDGE_GATEWAY must be nginx, haproxy, caddy, traefik or envoy/]],
    [{ ...good, EDGE_RULES: 'rules: [{ prefix: /, access: public }]' }, [/EDGE_GATEWAY is not set: with EDGE_RULES/]],
    [{ ...good, EDGE_ACCESS_COOKIE: 'at' }, [/EDGE_GATEWAY is not set: with EDGE_ACCESS_COOKIE/]],
    [
      { ...good, EDGE_GATEWAY: 'nginx', EDGE_ACCESS_COOKIE: '__Host-latchkey' },
      [/EDGE_ACCESS_COOKIE is the name of the refresh cookie/],
    ],
    [{ ...good, EDGE_RULES_FILE: '/nowhere.yaml' }, [/EDGE_RULES_FILE names a file that cannot be read \(ENOENT\)/]],
    [
      {
        ...good,
        EDGE_GATEWAY: 'nginx',
        EDGE_RULES_FILE: await rulesFile(t, '\n\nrules:\n  - prefix: /a\n    role: [x]'),
      },
      [/rules\.yaml, line 5: rules\[0\]\.role does not exist/],
    ],
    [{ ...good, EDGE_ISSUER: 'latchkey' }, [/EDGE_BASE_URL is not set, and EDGE_ISSUER is no URL/]],
    [{ ...good, EDGE_ISSUER: 'https://a:b@auth.example.com' }, [/EDGE_ISSUER must not contain a password/]],
    [{ ...good, EDGE_CLIENT_SECRET: '"quoted"' }, [/EDGE_CLIENT_SECRET is in quotation marks/]],
    [
      { ...good, EDGE_CLIENT_ASSERTION_FILE: '/token' },
      [/EDGE_CLIENT_SECRET and EDGE_CLIENT_ASSERTION_FILE are set: a client has one proof/],
    ],
    [{ ...good, EDGE_CLIENT_KEY_ID: 'a' }, [/EDGE_CLIENT_KEY_ID is set without EDGE_CLIENT_KEY/]],
    [
      { ...good, EDGE_CLIENT_SECRET: undefined, EDGE_CLIENT_KEY: '{quoted' },
      [/EDGE_CLIENT_KEY is neither PEM nor JSON/],
    ],
    [{ ...good, EDGE_CLIENT_SECRET: undefined, EDGE_CLIENT_KEY: 'quoted' }, [/EDGE_CLIENT_KEY must be a private key/]],
    [{ ...good, EDGE_NAME: 'my edge' }, [/EDGE_NAME must be 1 to 64 characters/]],
  ]
  for (const [env, says] of cases) {
    const { code, stderr } = await runLatchkey(['edge'], { env })
    t.equal(code, 1, stderr)
    for (const sentence of says) t.match(stderr, sentence)
    t.notMatch(stderr, /"?quoted"?[^ ]*"| {4}at /)
  }
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const { code, stderr } = await runLatchkey(['edge'], { env: { ...good, EDGE_PORT: String(port) } })
  t.match({ code, stderr }, { code: 1, stderr: /EADDRINUSE\): another process uses it: set EDGE_PORT to another port/ })
  t.match(await runLatchkey(['edge', '--help']), { code: 0, stdout: /docs\/edge\.md/ })
  t.match(await runLatchkey(['edge', 'twice']), { code: 64 })
})

t.test('secrets come from files too, and the variables of a Kubernetes Service called edge are ignored', async t => {
  const toy = await startToyIssuer(t)
  const secret = await rulesFile(t, `${toy.client.secret}\n`)
  const port = await findFreePort()
  const env = { ...edgeEnv(toy), EDGE_CLIENT_SECRET: undefined, EDGE_CLIENT_SECRET_FILE: secret, EDGE_NAME: 'edge-1' }
  const edge = await startEdge(t, { ...env, EDGE_GRPC_PORT_: 'x', EDGE_SERVICE_HOST: '10.0.0.1' })
  t.equal((await fetch(`${edge.url}/readyz`)).status, 200)
  t.equal(toy.asked[0]?.url.searchParams.get('name'), 'edge-1')
  const linked = await runLatchkey(['edge'], { env: { EDGE_PORT: `tcp://10.0.0.1:${port}` } })
  t.notMatch(linked.stderr, /EDGE_PORT/)
})

t.test('without Latchkey it starts, answers 503, and is ready as soon as Latchkey is there', async t => {
  const toy = await startToyIssuer(t)
  await toy.stop()
  const env = { ...edgeEnv(toy), EDGE_GATEWAY: 'nginx', EDGE_RULES: 'rules: [{ prefix: /assets, access: public }]' }
  const edge = await startEdge(t, env, { isReady: false })
  const client = new HttpClient(edge.url)
  t.teardown(() => client.close())
  t.match(await client.get('/readyz'), { status: 503, body: { reason: 'starting', detail: /ECONNREFUSED/ } })
  const ask = (target: string) =>
    client.send('GET', '/auth/verify', {
      authorization: `Bearer ${toy.token()}`,
      'x-original-uri': target,
      'x-original-method': 'GET',
    })
  const refused = await ask('/orders')
  t.match(refused, { status: 503, body: { code: 'keys_unavailable' } })
  t.ok(Number(refused.headers['retry-after']) > 0)
  t.equal((await ask('/assets/a')).status, 200, 'a public route needs nothing')
  await toy.restart()
  await until(async () => (await fetch(`${edge.url}/readyz`)).status === 200)
  t.equal((await ask('/orders')).status, 200)
  t.notMatch(edge.stdout() + edge.stderr(), toy.client.secret)
})

t.test(
  'a stop in good order reports that it is not ready, serves requests until then, and says that it closes',
  async t => {
    const toy = await startToyIssuer(t)
    const edge = await startEdge(t, { ...edgeEnv(toy), SHUTDOWN_DELAY: '1s' })
    const client = new HttpClient(edge.url)
    t.teardown(() => client.close())
    t.equal((await client.get('/auth/verify', toy.token())).status, 200)
    const stopped = edge.stop()
    await until(async () => (await client.get('/readyz')).status === 503)
    t.match(await client.get('/auth/verify', toy.token()), { status: 200, headers: { connection: 'close' } })
    t.equal(await stopped, 0)
    t.ok(
      toy.reports.some(({ closing }) => closing),
      'receipts do not wait for it',
    )
    const interrupted = await startEdge(t, edgeEnv(toy))
    t.equal(await interrupted.stop('SIGINT'), 0)
  },
)

t.test('through an outage it decides, refuses what was revoked before, and past the bound answers 503', async t => {
  const toy = await startToyIssuer(t)
  const sid = 'aaaaaaaa-0000-4000-8000-000000000002'
  const [revoked, valid] = [toy.token({ sid }), toy.token()]
  toy.onFollow = stream => {
    stream.start()
    stream.entries({ kind: 'session', sid, exp: Math.floor(Date.now() / 1000) + 900, reason: 'logout' })
    stream.heartbeat(1)
  }
  const edge = await startEdge(t, { ...edgeEnv(toy), EDGE_MAX_STALENESS: '5s' })
  const client = new HttpClient(edge.url)
  t.teardown(() => client.close())
  const codeOf = async (token: string) => (await client.get('/auth/verify', token)).body.code ?? 'valid'
  t.same([await codeOf(valid), await codeOf(revoked)], ['valid', 'token_revoked'])
  await toy.stop()
  for (let count = 0; count < 10; count++) {
    t.same([await codeOf(valid), await codeOf(revoked)], ['valid', 'token_revoked'])
    t.equal(await codeOf(toy.token()), 'valid', 'a token that it has not seen')
    await sleep(100)
  }
  await until(async () => (await codeOf(valid)) === 'revocations_stale')
  const { status, headers } = await client.get('/auth/verify', valid)
  t.match({ status, headers }, { status: 503, headers: { 'retry-after': /^\d+$/ } })
  t.match(await client.get('/readyz'), { status: 200, body: { status: 'degraded' } })
  await toy.restart()
  await until(async () => (await codeOf(valid)) === 'valid')
  t.equal(await codeOf(revoked), 'token_revoked')
})
