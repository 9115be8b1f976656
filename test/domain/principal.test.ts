import { principalOf } from '@latchkey/verifier/core'
import fc from 'fast-check'
import t from 'tap'

const claims = {
  iss: 'https://auth.example.com',
  aud: 'https://auth.example.com',
  sub: 'user-1',
  iat: 1_800_000_000,
  exp: 1_800_000_900,
  jti: 'token-1',
  sid: 'session-1',
  client_id: 'latchkey',
  auth_time: 1_799_999_000,
  ver: 0,
  gen: 3,
  roles: ['editor'],
}

t.test('verified claims become a principal', async t => {
  t.strictSame(principalOf(claims, 'key-1'), {
    kid: 'key-1',
    jti: 'token-1',
    sessionId: 'session-1',
    userId: 'user-1',
    tokenVersion: 0,
    issuedAt: 1_800_000_000,
    expiresAt: 1_800_000_900,
    authTime: 1_799_999_000,
    clientId: 'latchkey',
    generation: 3,
    roles: ['editor'],
    claims: {},
    rolesVersion: undefined,
  })
})

t.test('roles_version is optional and must be a non-negative integer', async t => {
  t.equal(principalOf({ ...claims, roles_version: 2 }, 'key-1')?.rolesVersion, 2)
  for (const roles_version of [null, -1, 0.5, '2', Number.POSITIVE_INFINITY])
    t.equal(principalOf({ ...claims, roles_version }, 'key-1'), undefined)
})

t.test('the claims of the application are those of one claim, and cannot be changed', async t => {
  const principal = principalOf({ ...claims, ext: { tenant: 'acme', tags: ['a'] }, other: { tenant: 'b' } }, 'key-1')
  t.same(principal?.claims, { tenant: 'acme', tags: ['a'] })
  t.throws(() => (principal!.claims.tags as string[]).push('b'), TypeError)
  t.same(principalOf({ ...claims, ext: { a: 1 }, other: { tenant: 'b' } }, 'key-1', 'other')?.claims, { tenant: 'b' })
  for (const ext of [null, [], 'text', 1, true, undefined]) t.same(principalOf({ ...claims, ext }, 'key-1')?.claims, {})
})

t.test('unknown claims are not in the principal', async t => {
  const principal = principalOf({ ...claims, admin: true, kid: 'another' }, 'key-1')
  t.same(principal, principalOf(claims, 'key-1'))
})

t.test('a claim that is missing or of a wrong type gives no principal', async t => {
  const { iss, aud, ...needed } = claims
  for (const name of Object.keys(needed)) {
    t.equal(principalOf({ ...claims, [name]: undefined }, 'key-1'), undefined, `no ${name}`)
    for (const value of [null, {}, true, Number.POSITIVE_INFINITY, Number.NaN, -1, 0.5, [1], [[]]])
      t.equal(principalOf({ ...claims, [name]: value }, 'key-1'), undefined, `${name} ${JSON.stringify(value)}`)
  }
  t.ok(principalOf({ ...claims, roles: [] }, 'key-1'), 'the list of roles may be empty')
  t.ok(principalOf({ ...claims, ver: 0, gen: 0 }, 'key-1'), 'counts may be 0')
  for (const name of ['iat', 'exp', 'auth_time'])
    t.equal(principalOf({ ...claims, [name]: 0 }, 'key-1'), undefined, `a time cannot be 0: ${name}`)
})

t.test('any claims give a complete principal or none', async t => {
  const replaced = fc.record({ exp: fc.anything(), sub: fc.anything(), roles: fc.anything() }, { requiredKeys: [] })
  const anything = fc.oneof(
    fc.anything(),
    replaced.map(changed => ({ ...claims, ...changed })),
  )
  fc.assert(
    fc.property(anything, value => {
      const principal = principalOf(value, 'key-1')
      if (principal === undefined) return
      t.ok(Number.isSafeInteger(principal.expiresAt))
      t.type(principal.userId, 'string')
    }),
    { numRuns: 500 },
  )
  for (const value of [undefined, null, 1, 'text', true, [], [claims]]) t.equal(principalOf(value, 'key-1'), undefined)
})
