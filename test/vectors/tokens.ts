import { Buffer } from 'node:buffer'
import { createHmac } from 'node:crypto'
import { AUDIENCE, AUTH_TIME, BEFORE, EXPIRES, ISSUED, ISSUER, NOW, REALM, session, token, user } from './facts.js'
import { base64url, jwks, type KeyName, type Signer } from './signer.js'

export type Verdict = 'valid' | 'revoked' | 'stale' | 'expired' | 'invalid'

export interface TokenCase {
  about: string
  verdict: Verdict
  token: string
}

type Claims = Record<string, unknown>

/** 200 tokens, and what a verifier says of each when it has read all streams. */
export function makeTokens(signer: Signer): TokenCase[] {
  const cases: TokenCase[] = []
  let count = 0

  /** A token of a session and a user of its own, unless the claims say otherwise. */
  const claimsOf = (claims: Claims = {}): Claims => {
    const n = 1000 + count++
    const usual = {
      iss: ISSUER,
      aud: AUDIENCE,
      sub: user(n),
      iat: ISSUED,
      exp: EXPIRES,
      jti: token(n),
      sid: session(n),
    }
    const versions = {
      client_id: 'latchkey',
      auth_time: AUTH_TIME,
      ver: 7,
      gen: 2,
      roles: ['editor'],
      roles_version: 5,
    }
    return { ...usual, ...versions, ...claims }
  }
  const header = (kid: unknown = 'main', more: Claims = {}) =>
    JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid, ...more })
  const signed = (claims: Claims = {}, kid: KeyName = 'main') =>
    signer.jws(header(kid), JSON.stringify(claimsOf(claims)), kid)
  const add = (verdict: Verdict, about: string, token: string) => cases.push({ about, verdict, token })
  const judge = (verdict: Verdict, about: string, claims: Claims = {}, kid: KeyName = 'main') =>
    add(verdict, about, signed(claims, kid))

  addRevoked(judge)
  addVersions(judge)
  addInstants(judge)
  addExpired(judge)
  // Kept among the cases: signatures are made again only for tokens that are not.
  const original = signed()
  const another = signed()
  add('valid', 'the next ones are made from it', original)
  add('valid', 'from its signature too', another)
  const makers = { original, another, claimsOf, header }
  addForged(add, signer, makers)
  addWrong(add, judge, signer, makers)
  for (let n = 0; cases.length < 200; n++)
    judge(
      'valid',
      'nothing revokes it',
      { ver: n, roles_version: n % 3, roles: n % 2 === 0 ? [] : ['admin', `rôle ${n}`] },
      n % 5 === 0 ? 'next' : 'main',
    )
  return cases
}

type Judge = (verdict: Verdict, about: string, claims?: Claims, kid?: KeyName) => void

function addRevoked(judge: Judge): void {
  for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 9]) judge('revoked', `its session ${n} is revoked`, { sid: session(n) })
  for (const n of [30, 31, 32, 33, 34, 35])
    judge(
      'valid',
      'its session is only named by a part that was cut off, by a defect, or by what this version does not know',
      { sid: session(n) },
    )
  judge('valid', 'the same, for its user', { sub: user(34), ver: 1 })
  judge('revoked', 'its session is one of many in the snapshot', { sid: session(100_250) })
  judge('revoked', 'the first one of many', { sid: session(100_000) })
  for (const n of [1, 2]) judge('revoked', `token ${n} is revoked`, { jti: token(n) })
  judge('valid', 'its id is that of a revoked session', { jti: session(1) })
  judge('valid', 'its session has the id of a revoked token', { sid: token(1) })
  judge('valid', 'its user has the id of a revoked session', { sub: session(1) })
  judge('valid', 'its user has a revoked session, and this is another one', { sub: user(77), sid: session(77) })
  judge('stale', 'its key is revoked', {}, 'leaked')
  judge('valid', 'its key is not revoked', {}, 'next')
}

function addVersions(judge: Judge): void {
  for (const ver of [0, 1, 2, 3, 4])
    judge('revoked', `version ${ver} of a user is below the bound 5`, { sub: user(1), ver })
  for (const ver of [5, 6, 1000])
    judge('valid', `version ${ver} of a user is not below the bound 5`, { sub: user(1), ver })
  judge('valid', 'another user has this version', { sub: user(11), ver: 1 })
  for (const roles_version of [0, 3])
    judge('stale', `version ${roles_version} of the roles is below the bound 4`, { sub: user(2), roles_version })
  for (const roles_version of [4, 5])
    judge('valid', `version ${roles_version} of the roles is not below the bound 4`, { sub: user(2), roles_version })
  judge('valid', 'without a version of the roles, and no instant for its user', {
    sub: user(2),
    roles_version: undefined,
  })
  judge('revoked', 'both versions are too low: revoked counts', { sub: user(5), ver: 1, roles_version: 1 })
  judge('stale', 'only the version of the roles is too low', { sub: user(5), ver: 2, roles_version: 2 })
  judge('valid', 'both versions are equal to the bounds', { sub: user(5), ver: 2, roles_version: 3 })
  judge('revoked', 'stale by its roles and revoked by its session', {
    sub: user(5),
    ver: 2,
    roles_version: 1,
    sid: session(2),
  })
  judge('revoked', 'version 0 is below the bound 1', { sub: user(6), ver: 0 })
  judge('stale', 'version 0 of the roles is below the bound 1', { sub: user(6), ver: 1, roles_version: 0 })
}

function addInstants(judge: Judge): void {
  for (const [offset, verdict] of [
    [-1, 'stale'],
    [0, 'valid'],
    [1, 'valid'],
  ] as const) {
    const iat = BEFORE + offset
    const where = `${offset} seconds from the bound`
    judge(verdict, `issued ${where} of its user`, { sub: user(4), iat, roles_version: undefined })
    judge(verdict, `issued ${where} of its user, with a version of the roles`, { sub: user(4), iat })
    judge(verdict, `issued ${where} of its user, and its roles are current`, { sub: user(3), iat, roles_version: 2 })
  }
  judge('stale', 'issued after the bound, but its roles are older', { sub: user(3), roles_version: 1 })
  for (const [offset, verdict] of [
    [-400, 'revoked'],
    [-1, 'revoked'],
    [0, 'valid'],
    [1, 'valid'],
  ] as const) {
    const where = `${offset} seconds from the bound of the realm`
    judge(verdict, `its session began ${where}`, { auth_time: REALM + offset })
    judge(verdict, `issued ${where}, without a version of the roles`, {
      auth_time: REALM - 900,
      iat: REALM + offset,
      roles_version: undefined,
    })
  }
  judge('revoked', 'its session began before the bound of the realm, and it was issued after it', {
    auth_time: REALM - 1,
    iat: NOW,
  })
}

function addExpired(judge: Judge): void {
  for (const exp of [1, NOW - 3600, NOW - 1, NOW]) judge('expired', `it expired ${NOW - exp} seconds ago`, { exp })
  judge('valid', 'it expires in a second', { exp: NOW + 1 })
  judge('expired', 'expired, and its session is revoked', { exp: NOW - 1, sid: session(1) })
  judge('expired', 'expired, and its roles are older', { exp: NOW - 1, sub: user(2), roles_version: 1 })
  judge('valid', 'issued by a clock that is ahead', { iat: NOW + 20 })
}

type Add = (verdict: Verdict, about: string, token: string) => void
interface Makers {
  original: string
  another: string
  claimsOf(claims?: Claims): Claims
  header(kid?: unknown, more?: Claims): string
}

/** Tokens whose signature is not that of the key that they name. */
function addForged(add: Add, signer: Signer, { original, another, claimsOf, header }: Makers): void {
  const forged = (about: string, token: string) => add('invalid', about, token)
  const [head, payload, signature] = original.split('.') as [string, string, string]
  const bytes = Buffer.from(signature, 'base64url')
  const withSignature = (signature: Buffer | string) =>
    `${head}.${payload}.${typeof signature === 'string' ? signature : signature.toString('base64url')}`
  for (const at of [0, 31, 32, 63]) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1
    forged(`bit 0 of byte ${at} of its signature is changed`, withSignature(changed))
  }
  forged('it has no signature', withSignature(''))
  forged('its signature is cut off', withSignature(bytes.subarray(0, 63)))
  forged('its signature is all zeros', withSignature(Buffer.alloc(64)))
  forged('it has the signature of another token', withSignature(another.split('.')[2]!))
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  for (const changed of [{ sub: user(500) }, { exp: EXPIRES + 1 }, { roles: ['admin'] }, { ver: 8 }])
    forged(
      `its ${Object.keys(changed)} is changed`,
      `${head}.${base64url(JSON.stringify({ ...claims, ...changed }))}.${signature}`,
    )
  forged('its header is changed', `${base64url(header('next'))}.${payload}.${signature}`)
  forged(
    'signed with an unknown key, as one of the known',
    signer.jws(header('main'), JSON.stringify(claimsOf()), 'stranger'),
  )
  forged('signed with an unknown key', signer.jws(header('stranger'), JSON.stringify(claimsOf()), 'stranger'))
  forged(
    'signed with another key than the one that it names',
    signer.jws(header('main'), JSON.stringify(claimsOf()), 'next'),
  )
  for (const alg of ['none', 'None', 'NONE', '']) {
    const unsigned = `${base64url(header('main', { alg }))}.${base64url(JSON.stringify(claimsOf()))}.`
    forged(`not signed, with the algorithm "${alg}"`, unsigned)
  }
  const input = `${base64url(header('main', { alg: 'HS256' }))}.${base64url(JSON.stringify(claimsOf()))}`
  const publicKey = signer.publicKey('main')
  const secrets = {
    PEM: publicKey.export({ format: 'pem', type: 'spki' }),
    JWK: JSON.stringify(jwks.keys[0]),
    empty: '',
  }
  for (const [what, secret] of Object.entries(secrets))
    forged(
      `HS256 with the public key as the secret: ${what}`,
      `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`,
    )
  for (const alg of ['RS256', 'ES384', 'EdDSA'])
    forged(
      `signed with ES256, but it says ${alg}`,
      signer.jws(header('main', { alg }), JSON.stringify(claimsOf()), 'main'),
    )
}

/** Tokens with a valid signature that are not access tokens of a user for this audience. */
function addWrong(add: Add, judge: Judge, signer: Signer, { original, claimsOf, header }: Makers): void {
  const wrong = (about: string, head: string, payload: string) =>
    add('invalid', about, signer.jws(head, payload, 'main'))
  const claims = () => JSON.stringify(claimsOf())
  for (const typ of [undefined, 'JWT', 'dpop+jwt', 'logout+jwt', ''])
    wrong(`its type is ${typ}`, header('main', { typ }), claims())
  for (const kid of [undefined, '', 'unknown', 7])
    wrong(`its key is ${kid}`, header(kid === undefined ? null : kid), claims())
  for (const iss of ['https://evil.example', `${ISSUER}/`, ISSUER.toUpperCase(), '', undefined])
    judge('invalid', `its issuer is ${iss}`, { iss })
  for (const aud of ['https://other.example', ISSUER, `${AUDIENCE}/`, '', undefined])
    judge('invalid', `its audience is ${aud}`, { aud })
  const client = { aud: `${ISSUER}/clients`, client_id: user(1), sub: user(1), sid: undefined, roles: undefined }
  judge('invalid', 'the token of a client', { ...client, scope: 'revocations', auth_time: undefined, gen: undefined })
  judge('invalid', 'the token of a client, for this audience', { ...client, aud: AUDIENCE })
  for (const claim of ['exp', 'sub', 'sid', 'jti', 'iat', 'auth_time', 'ver'])
    judge('invalid', `it has no ${claim}`, { [claim]: undefined })
  for (const payload of ['', 'null', '[]', '"claims"', '{', '7'])
    wrong(`its claims are ${payload || 'empty'}`, header(), payload)
  const [head, body, signature] = original.split('.') as [string, string, string]
  const parts = {
    'one part': head,
    'two parts': `${head}.${body}`,
    'four parts': `${head}.${body}.${signature}.${signature}`,
  }
  for (const [about, token] of Object.entries(parts)) add('invalid', about, token)
  add('invalid', 'nothing', '')
  add('invalid', 'no token', 'not a token')
}
