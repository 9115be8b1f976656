import { randomUUID } from 'node:crypto'
import { openVerificationKey, type PublicKeyJwk, RevocationList, TokenVerifier } from '@latchkey/verifier/core'
import t from 'tap'
import { signToken, toyKey } from '../toy-tokens.js'

const ISSUER = 'https://auth.example.com'
const NOW = Math.floor(Date.now() / 1000)

function build({ cacheSize }: { cacheSize?: number } = {}) {
  const pair = toyKey()
  const key = openVerificationKey(pair.jwk as PublicKeyJwk)
  const list = new RevocationList()
  const test = {
    list,
    key,
    checks: 0,
    nowSeconds: NOW,
    isFresh: true,
    /** What the source of the keys throws. */
    failure: undefined as Error | undefined,
    token: (claims: Record<string, unknown> = {}) => signToken(ISSUER, claims, pair, {}),
    verifier: undefined as never as TokenVerifier,
  }
  test.verifier = new TokenVerifier({
    issuer: ISSUER,
    audience: ISSUER,
    cacheSize,
    clock: () => test.nowSeconds * 1000,
    revocations: { refuses: facts => list.refuses(facts) ?? (test.isFresh ? undefined : 'undecided') },
    keys: {
      async forKid(kid) {
        if (test.failure) throw test.failure
        test.checks++
        return kid === key.kid ? key : undefined
      },
    },
  })
  return test
}

t.test('a token is known once it was identified, and only as exactly the same text', async t => {
  const { verifier, token } = build()
  const [one, other] = [token(), token()]
  t.equal(verifier.findKnown(one), undefined)
  const principal = await verifier.identify(one)
  t.equal(verifier.findKnown(one), principal)
  t.equal(await verifier.identify(one), principal, 'the same object')
  t.equal(verifier.findKnown(other), undefined)
  t.equal(verifier.findKnown(`x${one}`), undefined)
  t.equal(verifier.findKnown(''), undefined)
})

t.test('a principal cannot be changed, because later requests get the same object', async t => {
  const { verifier, token } = build()
  const principal = (await verifier.identify(token())) as unknown as { userId: string; roles: string[] }
  t.throws(() => {
    principal.userId = 'another'
  }, TypeError)
  t.throws(() => principal.roles.push('admin'), TypeError)
})

t.test(
  'a judgement names the reason; a token that is known to be revoked is revoked although the list is old',
  async t => {
    const test = build()
    const token = test.token({ sid: 's1', exp: NOW + 900 })
    const principal = (await test.verifier.identify(token))!
    const judge = () => test.verifier.judge(token, principal)
    t.equal(judge(), undefined)
    test.isFresh = false
    t.equal(judge(), 'undecided')
    test.list.add({ kind: 'key', subject: test.key.kid, reason: 'x', expiresAt: null })
    t.equal(judge(), 'stale')
    test.list.add({ kind: 'session', subject: 's1', reason: 'x', expiresAt: Number.MAX_SAFE_INTEGER })
    t.equal(judge(), 'revoked')
    test.nowSeconds = NOW + 899.9
    t.equal(judge(), 'revoked')
    t.ok(test.verifier.findKnown(token))
    test.nowSeconds = NOW + 900
    t.equal(judge(), 'expired', 'nothing else matters then')
    t.equal(test.verifier.findKnown(token), undefined, 'an expired token is forgotten')
  },
)

t.test('what the source of the keys throws is passed on, and is not remembered', async t => {
  const test = build()
  const token = test.token()
  test.failure = new Error('the keys cannot be read')
  await t.rejects(test.verifier.identify(token), test.failure)
  test.failure = undefined
  t.ok(await test.verifier.identify(token))
})

t.test('a token that is malformed costs no look-up of a key', async t => {
  const test = build()
  for (const token of ['', 'a', 'a.b.c', '..', `${test.token()}=`, `${test.token()}.`, 'x'.repeat(5000)])
    t.equal(await test.verifier.identify(token), undefined)
  t.equal(test.checks, 0)
  t.equal(await test.verifier.identify(test.token({ aud: 'another' })), undefined)
  t.equal(test.checks, 1)
})

t.test('forgetting a key forgets its tokens', async t => {
  const test = build()
  const token = test.token()
  await test.verifier.identify(token)
  test.verifier.forgetKey(randomUUID())
  t.ok(test.verifier.findKnown(token))
  test.verifier.forgetKey(test.key.kid)
  t.equal(test.verifier.findKnown(token), undefined)
})

t.test('the number of known tokens is limited; those that were used last stay known', async t => {
  const { verifier, token } = build({ cacheSize: 2 })
  const tokens = [token(), token(), token()] as const
  await verifier.identify(tokens[0])
  await verifier.identify(tokens[1])
  verifier.findKnown(tokens[0])
  await verifier.identify(tokens[2])
  t.same(
    tokens.map(each => verifier.findKnown(each) !== undefined),
    [true, false, true],
  )
})
