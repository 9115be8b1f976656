import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { RemoteKeys } from '../../packages/verifier/src/keys/remote-keys.js'
import { until } from '../support/eventually.js'
import { startToyIssuer, type ToyIssuer } from './toy-issuer.js'
import { toyKey } from './toy-tokens.js'
import { knownVerdict, startVerifier, verdict } from './verifiers.js'

const JWKS = '/.well-known/jwks.json'
const fetched = (toy: ToyIssuer) => toy.requests.filter(request => request === `GET ${JWKS}`).length

t.test('thousands of tokens with unknown keys cost one request a second, and are refused', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startVerifier(t, { issuer: toy.url })
  await verifier.ready()
  const attacker = toyKey()
  const startedAt = Date.now()
  const tokens = Array.from({ length: 3000 }, (_, n) => toy.token({}, attacker, { kid: `unknown-${n}` }))
  const verdicts = new Set(await Promise.all(tokens.map(token => verdict(verifier.verify(token)))))
  t.strictSame([...verdicts].sort(), ['keys_unavailable', 'token_invalid'])
  for (let n = 0; n < 3; n++) await verdict(verifier.verify(toy.token({}, attacker, { kid: `later-${n}` })))
  t.ok(fetched(toy) <= 2 + (Date.now() - startedAt) / 1000, `${fetched(toy)} requests`)
  t.equal(await verdict(verifier.verify(toy.token())), 'valid', 'a genuine token is verified')
})

t.test('a token of a new key is verified, even right after another unknown one', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startVerifier(t, { issuer: toy.url })
  await verifier.ready()
  t.equal(await verdict(verifier.verify(toy.token({}, toyKey()))), 'token_invalid')
  const next = toyKey()
  toy.keys.unshift(next)
  t.equal(await verdict(verifier.verify(toy.token({}, next))), 'valid')
})

t.test('a key that is no longer published is dropped with its tokens', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startVerifier(t, { issuer: toy.url })
  const token = toy.token()
  t.equal(await verdict(verifier.verify(token)), 'valid')
  toy.keys = [toyKey()]
  t.equal(await verdict(verifier.verify(toy.token({}, toy.keys[0]))), 'valid')
  t.equal(knownVerdict(verifier, token), 'unknown')
  t.equal(await verdict(verifier.verify(token)), 'token_invalid')
})

t.test('another key with the same kid replaces it, with its tokens', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startVerifier(t, { issuer: toy.url })
  const token = toy.token()
  t.equal(await verdict(verifier.verify(token)), 'valid')
  const { kid } = toy.keys[0]!
  const other = toyKey()
  toy.keys = [{ ...other, kid, jwk: { ...other.jwk, kid } }]
  await verifier.verify(toy.token({}, toyKey())).catch(() => {})
  t.equal(knownVerdict(verifier, token), 'unknown')
  t.equal(await verdict(verifier.verify(token)), 'token_invalid')
})

t.test('keys stay usable while they cannot be read, and an unknown key is answered with 503', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startVerifier(t, { issuer: toy.url })
  await verifier.ready()
  await toy.stop()
  t.equal(await verdict(verifier.verify(toy.token())), 'valid')
  t.equal(await verdict(verifier.verify(toy.token({}, toyKey()))), 'keys_unavailable', 'it may be a new key')
  await until(() => /keys in memory are used/.test(verifier.status().lastError ?? ''))
  t.equal(verifier.status().state, 'fresh')
  t.equal(await verdict(verifier.verify(toy.token())), 'valid')
})

t.test('the keys are read again as Cache-Control says, within bounds', async t => {
  for (const [header, most] of [
    ['max-age=300', 300_000],
    ['public,max-age=40', 40_000],
    ['max-age=0', 30_000],
    ['max-age=99999999', 3_600_000],
    ['no-store', 300_000],
    ['', 300_000],
  ] as const) {
    const toy = await startToyIssuer(t)
    toy.override.set(JWKS, (_request, response) =>
      response
        .writeHead(200, { 'content-type': 'application/json', 'cache-control': header })
        .end(JSON.stringify({ keys: [toyKey().jwk] })),
    )
    const delays = await recordTimers(t, async () => {
      const keys = startKeys(t, toy)
      await until(() => keys.size === 1)
    })
    t.ok(
      delays.some(ms => ms <= most && ms >= most * 0.8),
      `${header}: ${delays}`,
    )
  }
})

t.test('an answer that is no JWK Set changes nothing', async t => {
  const toy = await startToyIssuer(t)
  const failures: (string | undefined)[] = []
  const keys = startKeys(t, toy, failure => failures.push(failure?.message))
  await until(() => keys.size === 1)
  for (const [type, body, message] of [
    ['text/html', '<html>', /is text\/html, not JSON/],
    ['application/json', '{', /is not valid JSON/],
    ['application/json', '[]', /not a JWK Set/],
    ['application/json', 'null', /not a JWK Set/],
    ['application/json', '{"keys":{}}', /not a JWK Set/],
    ['application/json', '{"keys":[]}', /has no key for ES256, EdDSA or RS256/],
    ['', '{"keys":[]}', /without a known type/],
  ] as const) {
    toy.override.set(JWKS, (_request, response) =>
      response.writeHead(200, type ? { 'content-type': type } : {}).end(body),
    )
    await sleep(1000)
    await t.rejects(keys.forKid('unknown'), { code: 'keys_unavailable' })
    t.match(failures.at(-1), message)
    t.equal(keys.size, 1)
  }
})

t.test('a revoked key stays refused, whatever the keys say later', async t => {
  const toy = await startToyIssuer(t)
  const dropped: string[] = []
  const keys = startKeys(
    t,
    toy,
    () => {},
    kid => dropped.push(kid),
  )
  await until(() => keys.size === 1)
  const { kid } = toy.keys[0]!
  keys.drop(kid)
  keys.drop(kid)
  t.strictSame(dropped, [kid])
  await keys.forKid('unknown')
  await t.rejects(keys.forKid(kid), { code: 'token_stale' })
  t.equal(keys.size, 0)
})

function startKeys(
  t: Parameters<typeof startToyIssuer>[0],
  toy: ToyIssuer,
  onFetched: (failure: Error | undefined) => void = () => {},
  onDropped: (kid: string) => void = () => {},
): RemoteKeys {
  const transport = { fetch, baseUrl: toy.url }
  const keys = new RemoteKeys({ transport, monotonic: () => performance.now(), onDropped, onFetched })
  keys.start()
  t.teardown(() => keys.close())
  return keys
}

/** The delays of the timers that are set meanwhile, in milliseconds. */
async function recordTimers(t: Parameters<typeof startToyIssuer>[0], work: () => Promise<void>): Promise<number[]> {
  const delays: number[] = []
  const original = globalThis.setTimeout
  const recording = (callback: () => void, ms?: number, ...rest: unknown[]) => {
    delays.push(ms ?? 0)
    return original(callback, ms, ...(rest as []))
  }
  t.teardown(() => {
    globalThis.setTimeout = original
  })
  globalThis.setTimeout = Object.assign(recording, original) as typeof setTimeout
  await work()
  globalThis.setTimeout = original
  return delays
}
