import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { VerifierOptions } from '@latchkey/verifier'
import t from 'tap'
import { compiledPath } from '../support/compiled-path.js'
import { until } from '../support/eventually.js'
import { startToyIssuer } from './toy-issuer.js'
import { knownVerdict, startFollowing, startVerifier, verdict } from './verifiers.js'

t.test('a closed verifier refuses every token with 503, known or not', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  const token = toy.token()
  await verifier.verify(token)
  await verifier.close()
  t.equal(await verdict(verifier.verify(token)), 'closed')
  t.equal(knownVerdict(verifier, token), 'closed')
  await t.rejects(verifier.ready(), { code: 'closed', status: 503 })
  t.match(verifier.status(), { state: 'closed', isFresh: false, connected: false })
  t.equal(verifier.close(), verifier.close(), 'closing twice is closing once')
})

t.test('closing ends everything, in every state', async t => {
  const states: Record<string, (toy: Awaited<ReturnType<typeof startToyIssuer>>) => void> = {
    'nothing answers': toy => {
      for (const path of ['/oauth/token', '/.well-known/jwks.json']) toy.override.set(path, () => {})
    },
    'the token hangs': toy => toy.override.set('/oauth/token', () => {}),
    'the metadata hangs': toy => toy.override.set('/.well-known/oauth-authorization-server', () => {}),
    'the feed does not answer': toy => toy.override.set('/auth/revocations', () => {}),
    'the feed is refused': toy =>
      toy.override.set('/auth/revocations', (_request, response) => response.writeHead(403).end()),
    'in a snapshot': toy => {
      toy.onFollow = stream => {
        stream.start()
        stream.raw('event: revocations\ndata: [{')
      }
    },
    'the report hangs': toy => toy.override.set('/auth/activity', () => {}),
    'everything works': () => {},
  }
  for (const [state, prepare] of Object.entries(states)) {
    const toy = await startToyIssuer(t)
    prepare(toy)
    const verifier = startFollowing(t, toy)
    const pending = verdict(verifier.verify(toy.token()))
    const ready = verifier.ready().then(
      () => 'ready',
      error => error.code,
    )
    await sleep(150)
    const closingAt = performance.now()
    await verifier.close()
    t.ok(performance.now() - closingAt < 3000, `${state}: nothing that hangs is waited for`)
    t.ok(['ready', 'closed'].includes(await ready), state)
    t.ok(['valid', 'revocations_stale', 'closed', 'keys_unavailable'].includes(await pending), state)
    await until(() => toy.streams.every(stream => !stream.isOpen), `${state}: the feed is closed`)
    await sleep(100)
    const sent = toy.requests.length
    await sleep(300)
    t.strictSame(toy.requests.slice(sent), [], `${state}: nothing is sent afterwards`)
  }
})

t.test('while it waits for the next attempt, a verifier closes at once', async t => {
  const toy = await startToyIssuer(t)
  await toy.stop()
  const verifier = startFollowing(t, toy)
  await until(() => verifier.status().lastError !== undefined)
  await verifier.close()
  t.equal(verifier.status().state, 'closed')
})

t.test('a process that has verified its tokens ends by itself, without closing the verifier', async t => {
  const toy = await startToyIssuer(t)
  // A feed that was silent would be left, which ends the process too.
  const beats = setInterval(() => {
    for (const stream of toy.streams) if (stream.isOpen) stream.heartbeat()
  }, 300)
  t.teardown(() => clearInterval(beats))
  const options: Record<string, VerifierOptions> = {
    offline: { issuer: toy.url },
    following: { issuer: toy.url, client: toy.client },
  }
  for (const [mode, option] of Object.entries(options)) {
    const { stdout } = await runScript(
      `const verifier = createVerifier(${JSON.stringify(option)})
       await verifier.ready()
       console.log((await verifier.verify('${toy.token({ sub: 'u1' })}')).userId)`,
    )
    t.equal(stdout.trim(), 'u1', mode)
  }
})

t.test('a process whose verifier cannot reach anything ends by itself too', async () => {
  const { stdout } = await runScript(
    `const verifier = createVerifier({ issuer: 'http://127.0.0.1:9', client: { id: 'a', secret: 'b' } })
     await verifier.ready({ timeoutMs: 300 }).catch(error => console.log(error.code))`,
  )
  t.equal(stdout.trim(), 'keys_unavailable')
})

t.test('two verifiers of one process do not disturb each other', async t => {
  const toy = await startToyIssuer(t)
  const [first, second] = [startFollowing(t, toy), startVerifier(t, { issuer: toy.url })]
  await Promise.all([first.ready(), second.ready()])
  await first.close()
  t.equal(await verdict(second.verify(toy.token())), 'valid')
})

/** Runs a script in its own process, which must end within ten seconds. */
function runScript(script: string) {
  const main = compiledPath('packages/verifier/src/index.ts')
  const code = `import { createVerifier } from ${JSON.stringify(main)}\n${script}`
  return promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], { timeout: 10_000 })
}
