import t from 'tap'
import { until } from '../support/eventually.js'
import { startToyIssuer } from './toy-issuer.js'
import { inSeconds, knownVerdict, startFollowing, verdict } from './verifiers.js'

const exp = inSeconds(7200)

t.test('each kind of revocation refuses the tokens that it names, and no other', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  const now = inSeconds(0)
  const cases: [
    entry: Record<string, unknown>,
    refused: Record<string, unknown>,
    code: string,
    valid: Record<string, unknown>,
  ][] = [
    [{ kind: 'session', sid: 's1' }, { sid: 's1' }, 'token_revoked', { sid: 's2' }],
    [{ kind: 'token', jti: 'j1' }, { jti: 'j1' }, 'token_revoked', { jti: 'j2' }],
    [{ kind: 'user', sub: 'u1', ver: 4 }, { sub: 'u1', ver: 3 }, 'token_revoked', { sub: 'u1', ver: 4 }],
    [
      { kind: 'roles', sub: 'u2', roles_version: 4 },
      { sub: 'u2', roles_version: 3 },
      'token_stale',
      { sub: 'u2', roles_version: 4 },
    ],
    [{ kind: 'user_before', sub: 'u3', iat: now }, { sub: 'u3', iat: now - 1 }, 'token_stale', { sub: 'u3', iat: now }],
    [{ kind: 'realm', auth_time: now - 500 }, { auth_time: now - 501 }, 'token_revoked', { auth_time: now - 500 }],
  ]
  for (const [entry, refused, code, valid] of cases) {
    const [bad, good] = [toy.token(refused), toy.token(valid)]
    t.equal(await verdict(verifier.verify(bad)), 'valid', `before: ${entry.kind}`)
    toy.streams[0]!.entries({ ...entry, exp })
    toy.streams[0]!.heartbeat()
    await until(() => knownVerdict(verifier, bad) === code, `${entry.kind} is applied`)
    t.equal(await verdict(verifier.verify(bad)), code)
    t.equal(await verdict(verifier.verify(good)), 'valid', `another token: ${entry.kind}`)
  }
  t.equal(verifier.status().revocations, 6)
})

t.test(
  'a revoked key is removed at once, with the tokens that it signed, even if the JWK Set still has it',
  async t => {
    const toy = await startToyIssuer(t)
    const verifier = startFollowing(t, toy)
    await verifier.ready()
    const [known, other] = [toy.token(), toy.token()]
    t.equal(await verdict(verifier.verify(known)), 'valid')
    toy.streams[0]!.entries({ kind: 'key', kid: toy.keys[0]!.kid, exp: null })
    toy.streams[0]!.heartbeat(2)
    await until(() => verifier.status().keys === 0)
    t.equal(knownVerdict(verifier, known), 'unknown', 'its known tokens are forgotten')
    t.equal(await verdict(verifier.verify(known)), 'token_stale')
    t.equal(await verdict(verifier.verify(other)), 'token_stale')
  },
)

t.test('until the first snapshot is complete, every token is refused with 503', async t => {
  const toy = await startToyIssuer(t)
  toy.onFollow = stream => {
    stream.start()
    stream.entries({ kind: 'session', sid: 's1', exp })
    stream.heartbeat()
  }
  const verifier = startFollowing(t, toy)
  await until(() => verifier.status().revocations === 1)
  t.equal(await verdict(verifier.verify(toy.token())), 'revocations_stale', 'a heartbeat without id completes nothing')
  t.equal(await verdict(verifier.verify(toy.token({ sid: 's1' }))), 'token_revoked', 'what is known is refused already')
  t.match(verifier.status(), { mode: 'following', state: 'starting', isFresh: false, connected: true })
  toy.streams[0]!.heartbeat(9)
  await verifier.ready()
  t.equal(await verdict(verifier.verify(toy.token())), 'valid')
  t.match(verifier.status(), { state: 'fresh', isFresh: true, position: '1795870000.123/9:9:' })
})

t.test('the request names the verifier, its staleness, and the client by a token that can do nothing else', async t => {
  const toy = await startToyIssuer(t)
  let asked = ''
  toy.override.set('/oauth/token', async (request, response) => {
    asked = `${request.headers.authorization} ${Buffer.concat(await request.toArray())}`
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ access_token: 'the-token', token_type: 'Bearer', expires_in: 300 }))
  })
  const client = { id: 'an id:', secret: 'ä+&%' }
  const verifier = startFollowing(t, toy, { name: 'orders', maxStalenessSeconds: 30, client })
  await verifier.ready()
  const basic = Buffer.from('an+id%3A:%C3%A4%2B%26%25').toString('base64')
  t.equal(asked, `Basic ${basic} grant_type=client_credentials&scope=revocations`)
  const { url, headers } = toy.asked[0]!
  t.equal(headers.authorization, 'Bearer the-token')
  t.equal(headers.accept, 'text/event-stream')
  t.equal(headers['last-event-id'], undefined)
  t.equal(url.searchParams.get('name'), 'orders')
  t.equal(url.searchParams.get('max_staleness'), '30')
  t.equal(url.searchParams.get('verifier'), verifier.status().verifierId)
})

t.test('kinds, events and fields of a later version are ignored and counted', async t => {
  const toy = await startToyIssuer(t)
  toy.onFollow = stream => {
    stream.raw('event: welcome\ndata: {"hello":1}\n\n: a comment\nfield: of the future\n\n')
    stream.start({ more: true })
    stream.entries({ kind: 'device', device: 'd1', exp }, { kind: 'session', sid: 's1', exp, more: true })
    stream.raw('data: no event name\n\n')
    stream.heartbeat(1, { more: true })
  }
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  t.match(verifier.status(), { revocations: 1, ignoredEntries: 3, lastError: undefined })
})

t.test('an entry that cannot be read is reported', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  toy.streams[0]!.entries(
    { kind: 'session', sid: 5, exp },
    { kind: 'session', sid: 's', exp: '1' },
    { kind: 'session', sid: 's2', exp },
  )
  toy.streams[0]!.heartbeat()
  await until(() => verifier.status().revocations === 1)
  await until(() =>
    verifier.lines.some(line => /^error the feed contains revocations that this version cannot read/.test(line)),
  )
  t.match(verifier.status(), { ignoredEntries: 2, lastError: /cannot read/ })
})
