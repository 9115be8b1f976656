import { REVOCATION_TTL_SECONDS, readRevocation } from '@latchkey/verifier/core'
import t from 'tap'

const NOW_S = 1_800_000_000
const NOW = NOW_S * 1000
const usual = { reason: 'logout', expiresAt: NOW + REVOCATION_TTL_SECONDS * 1000 }
const read = (value: unknown) => readRevocation(value, NOW)

t.test('a revocation of each kind is read exactly as it was written', async t => {
  const entries = [
    { kind: 'session', subject: 's', ...usual },
    { kind: 'token', subject: 't', ...usual },
    { kind: 'user', subject: 'u', belowVersion: 3, ...usual },
    { kind: 'user', subject: 'u', belowRolesVersion: 3, before: NOW_S, ...usual },
    { kind: 'user', subject: 'u', before: NOW_S, ...usual },
    { kind: 'key', subject: 'k', reason: 'compromised', expiresAt: null },
    { kind: 'realm', before: NOW_S, ...usual },
  ]
  for (const entry of entries) t.strictSame(read(JSON.parse(JSON.stringify(entry))), entry)
})

t.test('unknown fields of a revocation are dropped', async t => {
  t.strictSame(read({ kind: 'session', subject: 's', before: 1, more: {}, ...usual }), {
    kind: 'session',
    subject: 's',
    ...usual,
  })
})

t.test('a revocation with a kind or a bound of a later version is unknown, not malformed', async t => {
  t.equal(read({ kind: 'planet', subject: 'p', ...usual }), 'unknown')
  t.equal(read({ kind: 'planet' }), 'unknown')
  t.equal(read({ kind: 'user', subject: 'u', belowMood: 3, ...usual }), 'unknown')
})

t.test('a value in any other form is a malformed revocation', async t => {
  const session = { kind: 'session', subject: 's', ...usual }
  const values = [
    ...[
      null,
      undefined,
      1,
      'session',
      [],
      [session],
      {},
      { ...session, kind: 7 },
      { ...session, kind: 'x'.repeat(999) },
    ],
    ...['', 's'.repeat(999), 7, null, undefined, {}, ['s']].map(subject => ({ ...session, subject })),
    ...[undefined, '', 7, null, 'r'.repeat(999)].map(reason => ({ ...session, reason })),
    ...[undefined, '1800000000000', Number.NaN, 1.5, -1, {}].map(expiresAt => ({ ...session, expiresAt })),
    ...['3', 1.5, -1, null, 2 ** 31, Number.MAX_SAFE_INTEGER].map(belowVersion => ({
      kind: 'user',
      subject: 'u',
      belowVersion,
      ...usual,
    })),
    { kind: 'user', belowVersion: 3, ...usual },
    { kind: 'realm', ...usual },
  ]
  for (const value of values) t.equal(read(value), 'malformed', JSON.stringify(value))
})

t.test('a revocation whose instant is more than 60 seconds ahead is malformed', async t => {
  for (const where of [{ kind: 'realm' }, { kind: 'user', subject: 'u' }]) {
    t.type(read({ ...where, before: NOW_S + 60, ...usual }), 'object')
    for (const before of [NOW_S + 61, NOW, 1e300, -1, 1.5, '1', null])
      t.equal(read({ ...where, before, ...usual }), 'malformed', `${before}`)
  }
})

t.test('a revocation that expires over five minutes too late is malformed; only keys need no expiry', async t => {
  const session = { kind: 'session', subject: 's', reason: 'logout' }
  const most = NOW + (REVOCATION_TTL_SECONDS + 300) * 1000
  t.type(read({ ...session, expiresAt: most }), 'object')
  t.equal(read({ ...session, expiresAt: most + 1 }), 'malformed')
  t.equal(read({ ...session, expiresAt: null }), 'malformed')
  t.equal(read({ kind: 'realm', before: 1, reason: 'x', expiresAt: null }), 'malformed')
  t.type(read({ ...session, kind: 'key', expiresAt: null }), 'object')
})

t.test('an expired revocation is past', async t => {
  t.equal(read({ kind: 'session', subject: 's', reason: 'logout', expiresAt: NOW }), 'past')
})
