import { type Revocation, RevocationList, type TokenFacts } from '@latchkey/verifier/core'
import fc from 'fast-check'
import t from 'tap'

const FACTS: TokenFacts = {
  kid: 'k1',
  jti: 'j1',
  sessionId: 's1',
  userId: 'u1',
  tokenVersion: 2,
  rolesVersion: 3,
  issuedAt: 1000,
  authTime: 900,
}
const rest = { reason: 'logout', expiresAt: 5_000_000 }

const subject = fc.constantFrom('s1', 's2', 'j1', 'u1', 'u2', 'k1', 'k2')
/** A bound of 0 refuses no token. */
const bound = fc.integer({ min: 1, max: 4 })
const instant = fc.constantFrom(899, 900, 901, 1000, 1001)
const expiry = fc.constantFrom(1_000_000, 2_000_000, 3_000_000)
const anyRevocation: fc.Arbitrary<Revocation> = fc.oneof(
  fc.record({ kind: fc.constant('session' as const), subject, reason: fc.constant('x'), expiresAt: expiry }),
  fc.record({ kind: fc.constant('token' as const), subject, reason: fc.constant('x'), expiresAt: expiry }),
  fc.record({ kind: fc.constant('key' as const), subject, reason: fc.constant('x'), expiresAt: fc.constant(null) }),
  fc.record({
    kind: fc.constant('user' as const),
    subject,
    belowVersion: bound,
    reason: fc.constantFrom('user_deleted', 'user_disabled', 'logout_all'),
    expiresAt: expiry,
  }),
  fc.record({
    kind: fc.constant('user' as const),
    subject,
    belowRolesVersion: bound,
    before: instant,
    reason: fc.constant('x'),
    expiresAt: expiry,
  }),
  fc.record({
    kind: fc.constant('user' as const),
    subject,
    before: instant,
    reason: fc.constant('x'),
    expiresAt: expiry,
  }),
  fc.record({ kind: fc.constant('realm' as const), before: instant, reason: fc.constant('x'), expiresAt: expiry }),
)
const anyFacts: fc.Arbitrary<TokenFacts> = fc.record({
  kid: subject,
  jti: subject,
  sessionId: subject,
  userId: subject,
  tokenVersion: bound,
  rolesVersion: fc.option(bound, { nil: undefined }),
  issuedAt: instant,
  authTime: instant,
})

function listOf(...entries: readonly Revocation[]): RevocationList {
  const list = new RevocationList()
  for (const entry of entries) list.add(entry)
  return list
}

t.test('bounds are exclusive, and a token without roles_version is judged by its instant', async t => {
  const version = listOf({ kind: 'user', subject: 'u1', belowVersion: 3, ...rest })
  t.equal(version.refuses(FACTS), 'revoked')
  t.equal(version.refuses({ ...FACTS, tokenVersion: 3 }), undefined)
  const roles = listOf({ kind: 'user', subject: 'u1', belowRolesVersion: 4, before: 0, ...rest })
  t.equal(roles.refuses(FACTS), 'stale')
  t.equal(roles.refuses({ ...FACTS, rolesVersion: 4 }), undefined)
  const before = listOf({ kind: 'user', subject: 'u1', before: 1001, ...rest })
  t.equal(before.refuses(FACTS), 'stale')
  t.equal(before.refuses({ ...FACTS, issuedAt: 1001 }), undefined)
  const realm = listOf({ kind: 'realm', before: 901, ...rest })
  t.equal(realm.refuses(FACTS), 'revoked')
  t.equal(realm.refuses({ ...FACTS, authTime: 901 }), undefined)
  t.equal(realm.refuses({ ...FACTS, rolesVersion: undefined }), undefined, 'it was issued after the bound')
})

t.test('revoked is said before stale, because a refresh does not help', async t => {
  const list = listOf({ kind: 'key', subject: 'k1', reason: 'key_compromised', expiresAt: null })
  t.equal(list.refuses(FACTS), 'stale')
  for (const entry of [
    { kind: 'session', subject: 's1' },
    { kind: 'token', subject: 'j1' },
    { kind: 'realm', before: 1000 },
    { kind: 'user', subject: 'u1', belowVersion: 3 },
  ] as const) {
    const both = listOf(
      { kind: 'key', subject: 'k1', reason: 'key_compromised', expiresAt: null },
      { ...entry, ...rest },
    )
    t.equal(both.refuses(FACTS), 'revoked', entry.kind)
  }
})

t.test('the order of entries, and how often each arrives, makes no difference', async t => {
  fc.assert(
    fc.property(fc.array(anyRevocation, { maxLength: 12 }), fc.nat(), anyFacts, (entries, seed, facts) => {
      const shuffled = [...entries, ...entries].sort((a, b) => order(a, seed) - order(b, seed))
      const [list, other] = [listOf(...entries), listOf(...shuffled)]
      t.equal(other.refuses(facts), list.refuses(facts))
      t.equal(other.size, list.size)
      for (const entry of entries) t.ok(list.covers(entry))
    }),
    { numRuns: 300 },
  )
})

t.test('more entries never make a refused token valid', async t => {
  fc.assert(
    fc.property(fc.array(anyRevocation, { maxLength: 8 }), anyRevocation, anyFacts, (entries, more, facts) => {
      const list = listOf(...entries)
      const refusal = list.refuses(facts)
      list.add(more)
      if (refusal) t.ok(list.refuses(facts))
      if (refusal === 'revoked') t.equal(list.refuses(facts), 'revoked')
    }),
    { numRuns: 300 },
  )
})

t.test('a copy made from its entries refuses the same tokens', async t => {
  fc.assert(
    fc.property(fc.array(anyRevocation, { maxLength: 12 }), anyFacts, (entries, facts) => {
      const list = listOf(...entries)
      const copy = listOf(...list.entries())
      t.equal(copy.refuses(facts), list.refuses(facts))
      t.equal(copy.size, list.size)
      for (const entry of entries) t.ok(copy.covers(entry))
    }),
    { numRuns: 300 },
  )
})

t.test('an entry is removed when it has expired, and not before; that of a key stays', async t => {
  fc.assert(
    fc.property(fc.array(anyRevocation, { maxLength: 12 }), expiry, anyFacts, (entries, nowMs, facts) => {
      const list = listOf(...entries)
      list.sweep(nowMs)
      const live = listOf(...entries.filter(({ expiresAt }) => expiresAt === null || expiresAt > nowMs))
      if (live.refuses(facts)) t.ok(list.refuses(facts), 'what has not expired is still there')
    }),
    { numRuns: 300 },
  )
  const list = listOf(
    { kind: 'session', subject: 's1', ...rest },
    { kind: 'token', subject: 'j1', ...rest, expiresAt: 6_000_000 },
    { kind: 'user', subject: 'u1', belowVersion: 9, ...rest },
    { kind: 'key', subject: 'k1', reason: 'x', expiresAt: null },
  )
  list.sweep(4_999_999)
  t.equal(list.size, 4)
  list.sweep(5_000_000)
  t.equal(list.size, 2)
  t.equal(list.refuses(FACTS), 'revoked', 'the entry of the token is still there')
  list.sweep(Number.MAX_SAFE_INTEGER)
  t.equal(list.refuses(FACTS), 'stale', 'the key is refused for ever')
})

/** Any order, the same for the same seed. */
function order(entry: Revocation, seed: number): number {
  let hash = seed
  for (const character of JSON.stringify(entry)) hash = Math.imul(hash ^ character.charCodeAt(0), 16_777_619)
  return hash
}
