import t from 'tap'
import { startToyIssuer } from './toy-issuer.js'
import { inSeconds, knownVerdict, startFollowing, verdict } from './verifiers.js'

/** As a process that is stopped, or that computes: nothing is read meanwhile. */
function pause(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

t.test('what arrived while the process did not run is read before a token is accepted', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  const [stays, leaves] = [toy.token(), toy.token({ sid: 's1' })]
  for (const token of [stays, leaves]) t.equal(await verdict(verifier.verify(token)), 'valid')
  toy.streams[0]!.entries({ kind: 'session', sid: 's1', exp: inSeconds(7200) })
  pause(1500)
  t.equal(knownVerdict(verifier, stays), 'unknown', 'nothing is decided without reading')
  t.equal(knownVerdict(verifier, leaves), 'unknown')
  const both = [stays, leaves].map(token => verdict(verifier.verify(token)))
  t.strictSame(await Promise.all(both), ['valid', 'token_revoked'])
  t.equal(knownVerdict(verifier, stays), 'valid', 'and then without waiting again')
})

t.test('after a pause without news the usual tokens are accepted at once', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  const token = toy.token()
  await verifier.verify(token)
  pause(1500)
  t.equal(await verdict(verifier.verify(token)), 'valid')
  t.equal(knownVerdict(verifier, token), 'valid')
  t.strictSame(
    verifier.lines.filter(line => !line.startsWith('info')),
    [],
  )
})
