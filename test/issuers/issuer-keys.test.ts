import { readFileSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { fetchJson } from '../../src/issuers/fetch-json.js'
import { IssuerKeys } from '../../src/issuers/issuer-keys.js'
import { loggerOptions } from '../../src/server/logging.js'
import { buildTestApp } from '../support/build-test-app.js'
import { type ClusterIssuer, makeKey, startCluster } from '../support/cluster-issuer.js'
import { until } from '../support/eventually.js'
import { quietLog } from '../support/servers/quiet-log.js'
import { makeCertificate, skipWithoutOpenssl } from '../support/servers/redis-tls.js'

const UNAVAILABLE = { code: 'client_keys_unavailable' }

async function start(t: Test) {
  const cluster = await startCluster(t)
  const time = { ms: 1000 }
  const own = { issuer: undefined, tokenFile: '', caFile: '' }
  const keys = new IssuerKeys({ cluster: own, log: quietLog(), monotonic: () => time.ms })
  const find = (kid: string) => keys.find({ issuer: cluster.issuer }, { alg: 'RS256', kid })
  return { cluster, time, find, known: cluster.keys[0]!.kid }
}

/** Starts issuers with a certificate that only `ca` vouches for. */
async function withTls(t: Test) {
  const files = await makeCertificate(t)
  const [cert, key] = [readFileSync(files.cert, 'utf8'), readFileSync(files.key, 'utf8')]
  const listen = (listener: RequestListener) => createTlsServer({ cert, key }, listener)
  return { ca: cert, startTls: () => startCluster(t, { scheme: 'https', listen }) }
}

t.test('a new key is found, and a removed one is refused after five minutes', async t => {
  const { cluster, time, find, known } = await start(t)
  t.ok(await find(known))
  const next = await makeKey()
  cluster.keys = [next]
  time.ms += 10_001
  t.ok(await find(next.kid))
  t.equal(await find(known), undefined, 'its set was replaced')
  cluster.keys = [cluster.keys[0]!, await makeKey()]
  const removed = next.kid
  cluster.keys.shift()
  time.ms += 299_000
  t.ok(await find(removed))
  time.ms += 1001
  t.equal(await find(removed), undefined)
})

t.test('a flood of unknown keys causes one request in ten seconds', async t => {
  const { cluster, time, find, known } = await start(t)
  await Promise.all(Array.from({ length: 50 }, () => find(known)))
  t.equal(cluster.requests.length, 2, 'the metadata and the keys')
  for (let sent = 0; sent < 50; sent++) t.equal(await find(`unknown-${sent}`), undefined)
  t.equal(cluster.requests.length, 2)
  time.ms += 10_001
  await Promise.all(Array.from({ length: 50 }, (_, sent) => find(`unknown-${sent}`)))
  t.equal(cluster.requests.length, 4)
})

t.test('while the issuer is down, known keys are used for an hour, and an unknown one is undecided', async t => {
  const { cluster, time, find, known } = await start(t)
  t.ok(await find(known))
  cluster.answer = (_request, response) => response.writeHead(503).end()
  time.ms += 400_000
  t.ok(await find(known))
  await t.rejects(find('unknown'), { ...UNAVAILABLE, retryAfterSeconds: 10 })
  const { length } = cluster.requests
  for (let sent = 0; sent < 20; sent++) await t.rejects(find('unknown'), UNAVAILABLE)
  t.equal(cluster.requests.length, length, 'an issuer that is down is not flooded')
  time.ms += 3_200_001
  await t.rejects(find(known), UNAVAILABLE, 'after an hour')
  cluster.answer = undefined
  time.ms += 10_001
  t.ok(await find(known))
  t.equal(await find('unknown'), undefined)
})

t.test('an answer that is no set of keys is refused', async t => {
  const { cluster, time, find, known } = await start(t)
  const other = await startCluster(t)
  const jwks = JSON.stringify({ keys: cluster.keys.map(({ jwk }) => jwk) })
  const metadata = (changed: object) =>
    JSON.stringify({ issuer: cluster.issuer, jwks_uri: `${cluster.issuer}/k`, ...changed })
  const answers: [title: string, metadata: string, keys: string][] = [
    ['metadata of another issuer', metadata({ issuer: other.issuer }), jwks],
    ['metadata without an address', metadata({ jwks_uri: undefined }), jwks],
    ['keys at an address without TLS', metadata({ jwks_uri: 'http://192.0.2.1/keys' }), jwks],
    ['no JSON', 'x', jwks],
    ['no keys', metadata({}), '{}'],
    ['null', metadata({}), 'null'],
    ['1001 keys', metadata({}), JSON.stringify({ keys: Array(1001).fill(cluster.keys[0]!.jwk) })],
    ['a huge answer', metadata({}), `${jwks}${' '.repeat(300_000)}`],
    ['a huge answer to the request for metadata', `${metadata({})}${' '.repeat(300_000)}`, jwks],
  ]
  const reasonOf = async () => String((await find(known).catch(error => error)).cause?.message)
  for (const [title, first, second] of answers) {
    cluster.answer = ({ url }, response) => response.end(url!.startsWith('/.well-known') ? first : second)
    await t.rejects(find(known), UNAVAILABLE, title)
    time.ms += 10_001
  }
  cluster.answer = ({ url }, response) =>
    response
      .writeHead(url!.startsWith('/.well-known') ? 200 : 404)
      .end(url!.startsWith('/.well-known') ? metadata({}) : jwks)
  t.match(await reasonOf(), /the answer is 404/)
  time.ms += 10_001
  cluster.answer = (_request, response) => response.end(metadata({ jwks_uri: 'http://192.0.2.1/keys' }))
  t.match(await reasonOf(), /must begin with https/)
  time.ms += 10_001
  cluster.answer = (_request, response) =>
    response.writeHead(302, { location: `${other.issuer}/.well-known/openid-configuration` }).end()
  await t.rejects(find(known), UNAVAILABLE, 'a redirect')
  t.strictSame(other.requests, [], 'redirects are not followed')
})

t.test('an issuer that is slow is not waited for', async t => {
  const { cluster, find, known } = await start(t)
  cluster.answer = (_request, response) => response.write(' ')
  await t.rejects(Promise.all([find(known), find('unknown')]), UNAVAILABLE)
  t.equal(cluster.requests.length, 1)
})

/** From now on the issuer answers only when the test says so, and then it has no key any more. */
function hold(cluster: ClusterIssuer): (() => void)[] {
  const held: (() => void)[] = []
  const metadata = { issuer: cluster.issuer, jwks_uri: `${cluster.issuer}/k` }
  cluster.answer = ({ url }, response) => {
    if (url === '/k') response.end(JSON.stringify({ keys: [] }))
    else held.push(() => response.end(JSON.stringify(metadata)))
  }
  return held
}

t.test('a known key does not wait for an issuer that hangs, and the answer is used when it comes', async t => {
  for (const ageMs of [250_000, 400_000]) {
    const { cluster, time, find, known } = await start(t)
    t.ok(await find(known))
    const held = hold(cluster)
    time.ms += ageMs
    for (let sent = 0; sent < 5; sent++) t.ok(await find(known))
    await until(() => held.length === 1)
    t.equal(cluster.requests.length, 3, 'one read is under way')
    held[0]!()
    await until(async () => (await find(known)) === undefined, 'the set of keys was replaced')
  }
})

t.test('a known key does not wait again for an issuer that did not answer', async t => {
  const { cluster, time, find, known } = await start(t)
  t.ok(await find(known))
  time.ms += 400_000
  cluster.answer = (_request, response) => response.destroy()
  t.ok(await find(known))
  const held = hold(cluster)
  time.ms += 10_001
  t.ok(await find(known))
  await until(() => held.length === 1)
  held[0]!()
  await until(async () => (await find(known)) === undefined, 'the set of keys was replaced')
})

t.test('a key of a set with which everyone could sign is not used', async t => {
  const { cluster, time, find, known } = await start(t)
  const [own] = cluster.keys
  cluster.keys = [{ ...own!, jwk: { ...own!.jwk, e: 'AQ' } }]
  t.equal(await find(known), undefined)
  const stored = { jwks: { keys: cluster.keys.map(({ jwk }) => ({ ...jwk })) } }
  const keys = new IssuerKeys({ cluster: { issuer: undefined, tokenFile: '', caFile: '' }, log: quietLog() })
  t.equal(await keys.find(stored, { alg: 'RS256', kid: known }), undefined, 'also one that was registered before')
  cluster.keys = [own!]
  time.ms += 10_001
  t.ok(await find(known))
})

t.test('the log says at start which file of the service account cannot be read', async t => {
  const files = t.testdir({ 'ca.crt': 'x' })
  const warnings: string[] = []
  const log = { ...quietLog(), warn: (message: string) => warnings.push(message) }
  const cluster = { issuer: 'https://c.example/', tokenFile: `${files}/nowhere`, caFile: `${files}/ca.crt` }
  await new IssuerKeys({ cluster: { ...cluster, issuer: undefined }, log }).checkFiles()
  t.strictSame(warnings, [])
  const keys = new IssuerKeys({ cluster, log, fetch: async () => null })
  await keys.checkFiles()
  t.match(warnings, [/^KUBERNETES_TOKEN_FILE: .*nowhere cannot be read \(ENOENT.*mount the service account/])
  await t.rejects(keys.find({ issuer: 'https://c.example' }, { alg: 'RS256' }), UNAVAILABLE)
  t.match(warnings[1], /KUBERNETES_ISSUER is https:\/\/c\.example\/, but a client has the issuer .*final slash/)
})

t.test('the service starts without these files, and says so', async t => {
  const lines: string[] = []
  const log = pino(loggerOptions('warn'), { write: line => lines.push(line) }) as never
  const settings = { KUBERNETES_ISSUER: 'https://c.example', KUBERNETES_TOKEN_FILE: '/nowhere/token' }
  const { app } = await buildTestApp(t, settings, { log })
  await until(() => lines.some(line => line.includes('KUBERNETES_TOKEN_FILE: /nowhere/token cannot be read')))
  t.equal((await app.inject('/livez')).statusCode, 200)
})

t.test(
  'a private CA is trusted only for the issuer for which it is registered',
  { skip: skipWithoutOpenssl },
  async t => {
    const { ca, startTls } = await withTls(t)
    const cluster = await startTls()
    const keys = new IssuerKeys({ cluster: { issuer: undefined, tokenFile: '', caFile: '' }, log: quietLog() })
    const header = { alg: 'RS256', kid: cluster.keys[0]!.kid }
    await t.rejects(keys.find({ issuer: cluster.issuer }, header), UNAVAILABLE)
    t.ok(await keys.find({ issuer: cluster.issuer, ca }, header))
    t.ok(await keys.find({ jwksUri: `${cluster.issuer}/openid/v1/jwks`, ca }, header))
  },
)

t.test(
  'the token of the service is read anew, and sent to the issuer of its own cluster only',
  { skip: skipWithoutOpenssl },
  async t => {
    const { ca, startTls } = await withTls(t)
    const [own, other] = [await startTls(), await startTls()]
    const files = t.testdir({ token: 'first\n', 'ca.crt': ca })
    const seen: unknown[] = []
    for (const cluster of [own, other])
      cluster.answer = ({ headers, url }, response) => {
        seen.push(headers.authorization)
        const isMetadata = url!.startsWith('/.well-known')
        response.end(
          JSON.stringify(
            isMetadata
              ? { issuer: cluster.issuer, jwks_uri: `${cluster.issuer}/k` }
              : { keys: cluster.keys.map(({ jwk }) => jwk) },
          ),
        )
      }
    const time = { ms: 0 }
    const settings = { issuer: own.issuer, tokenFile: `${files}/token`, caFile: `${files}/ca.crt` }
    const keys = new IssuerKeys({ cluster: settings, log: quietLog(), monotonic: () => time.ms })
    const find = (cluster: ClusterIssuer) =>
      keys.find({ issuer: cluster.issuer, ca }, { alg: 'RS256', kid: cluster.keys[0]!.kid })
    t.ok(await find(own))
    t.ok(await find(other))
    t.strictSame(seen, ['Bearer first', 'Bearer first', undefined, undefined])
    writeFileSync(`${files}/token`, 'second\n')
    time.ms += 300_001
    t.ok(await find(own))
    t.strictSame(seen.slice(4), ['Bearer second', 'Bearer second'])
  },
)

t.test(
  'metadata by https cannot send the token of the service, or a request without it, to an address without TLS',
  { skip: skipWithoutOpenssl },
  async t => {
    const { ca, startTls } = await withTls(t)
    const [own, hostile] = [await startTls(), await startCluster(t)]
    const files = t.testdir({ token: 'secret', 'ca.crt': ca })
    own.answer = (_request, response) =>
      response.end(JSON.stringify({ issuer: own.issuer, jwks_uri: `${hostile.issuer}/openid/v1/jwks` }))
    hostile.keys = own.keys
    for (const issuer of [own.issuer, undefined]) {
      const cluster = { issuer, tokenFile: `${files}/token`, caFile: `${files}/ca.crt` }
      const keys = new IssuerKeys({ cluster, log: quietLog() })
      const header = { alg: 'RS256', kid: own.keys[0]!.kid }
      await t.rejects(keys.find({ issuer: own.issuer, ca }, header), UNAVAILABLE)
    }
    t.strictSame(hostile.requests, [])
    await t.rejects(fetchJson(`${hostile.issuer}/k`, { bearer: 'secret' }), /gets no token/)
    t.strictSame(hostile.requests, [])
  },
)

t.test(
  'another address of the keys gets the token only if a certificate of the cluster vouches for it',
  { skip: skipWithoutOpenssl },
  async t => {
    const [{ ca, startTls }, other] = [await withTls(t), await withTls(t)]
    const files = t.testdir({ token: 'secret', 'ca.crt': ca })
    const own = await startTls()
    const seen: unknown[] = []
    const [apiServer, stranger] = [await startTls(), await other.startTls()]
    for (const keysAt of [apiServer, stranger]) {
      own.answer = (_request, response) =>
        response.end(JSON.stringify({ issuer: own.issuer, jwks_uri: `${keysAt.issuer}/k` }))
      keysAt.answer = ({ headers }, response) => {
        seen.push(headers.authorization)
        response.end(JSON.stringify({ keys: own.keys.map(({ jwk }) => jwk) }))
      }
      const cluster = { issuer: own.issuer, tokenFile: `${files}/token`, caFile: `${files}/ca.crt` }
      const keys = new IssuerKeys({ cluster, log: quietLog() })
      const found = keys.find({ issuer: own.issuer }, { alg: 'RS256', kid: own.keys[0]!.kid })
      if (keysAt === apiServer) t.ok(await found)
      else await t.rejects(found, UNAVAILABLE)
    }
    t.strictSame(seen, ['Bearer secret'])
  },
)
