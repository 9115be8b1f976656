import { readAccessTokenHeader } from '@latchkey/verifier/core'
import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { get, signUp, verify } from '../support/people.js'
import { encode, forgerOf } from './forger.js'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

async function start(t: Parameters<typeof buildTestApp>[0]) {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const [header, payload, signature] = ada.accessToken.split('.') as [string, string, string]
  return { ...test, ada, header, payload, signature }
}

t.test('an access token with other unused base64url bits is refused', async t => {
  const { app, ada, header, payload, signature } = await start(t)
  // 64 bytes are 86 characters: the last one carries two bits of the signature and four unused ones.
  const last = ALPHABET.indexOf(signature.at(-1)!)
  for (let bits = 1; bits < 16; bits++) {
    const respelled = signature.slice(0, -1) + ALPHABET[last ^ bits]
    t.same(Buffer.from(respelled, 'base64url'), Buffer.from(signature, 'base64url'), 'the bytes are the same')
    t.equal(await verify(app, `${header}.${payload}.${respelled}`), 'token_invalid')
  }
  t.equal(await verify(app, ada.accessToken), 200)
})

t.test('an access token with padding, the other base64 alphabet or white space is refused', async t => {
  const { app, header, payload, signature } = await start(t)
  const other = (part: string) => part.replaceAll('-', '+').replaceAll('_', '/')
  const spellings = [
    `${header}=.${payload}.${signature}`,
    `${header}.${payload}=.${signature}`,
    `${header}.${payload}.${signature}==`,
    `${header}.${payload}.${signature}%3D`,
    `${header}.${payload}.${signature}A`,
    `${header}.${payload}.${signature}.`,
    `.${header}.${payload}.${signature}`,
    `${header}..${payload}.${signature}`,
    `${header}.${payload} .${signature}`,
    `${header}.${payload}.${signature}!`,
    `${header}.${payload}.\u00e9${signature}`,
    `"${header}.${payload}.${signature}"`,
    `${header}.${payload}.${signature},x`,
    ...(other(signature) === signature ? [] : [`${header}.${payload}.${other(signature)}`]),
  ]
  for (const token of spellings) {
    t.equal(await verify(app, token), 'token_invalid', token.slice(-20))
    const inBody = await app.inject({ method: 'POST', url: '/auth/verify', payload: { token } })
    t.match(inBody.json(), { status: 401, code: 'token_invalid' }, 'in a body too')
  }
  for (const space of [' ', '\n', '\t', '\u00a0', '\0', '\ufeff']) {
    for (const token of [`${space}${header}.${payload}.${signature}`, `${header}.${payload}.${signature}${space}`]) {
      const inBody = await app.inject({ method: 'POST', url: '/auth/verify', payload: { token } })
      t.match(inBody.json(), { status: 401, code: 'token_invalid' }, JSON.stringify(space))
    }
  }
})

t.test('an access token that does not have three non-empty parts is refused', async t => {
  const { app, header, payload, signature } = await start(t)
  for (const parts of [
    [],
    [header],
    [header, payload],
    ['', '', ''],
    [header, '', signature],
    ['', payload, signature],
    [header, payload, ''],
    [header, payload, signature, signature],
    [header, payload, signature, signature, signature],
    [header + payload + signature],
  ])
    t.equal(await verify(app, parts.join('.') || '.'), 'token_invalid', `${parts.length} parts`)
})

t.test('an encrypted token (JWE) is refused before any key is derived', async t => {
  const { app } = await start(t)
  // PBES2 with a count that would keep a core busy for minutes (CVE-2024-28176 and similar ones).
  const header = { alg: 'PBES2-HS512+A256KW', enc: 'A256GCM', p2c: 2 ** 31 - 1, p2s: 'AAAA', zip: 'DEF', typ: 'at+jwt' }
  const jwe = [encode(JSON.stringify(header)), 'AAAA', 'AAAA', 'AAAA', 'AAAA'].join('.')
  t.equal(await verify(app, jwe), 'token_invalid')
  const startedAt = performance.now()
  for (let times = 0; times < 100; times++) await verify(app, jwe)
  t.ok((performance.now() - startedAt) / 100 < 100, 'the key derivation would take minutes')
})

t.test('the size of an access token is limited in a header and in a body', async t => {
  const { app, ada, ...test } = await start(t)
  const forger = await forgerOf({ app, ...test }, ada.accessToken)
  const large = forger.token({}, { padding: 'a'.repeat(8192) })
  t.equal(await verify(app, large), 'token_invalid', '8 KB with a valid signature, in the header')
  t.equal(await verify(app, '.'.repeat(8192)), 'token_invalid', '8 KB of dots')
  const huge = 'a'.repeat(1_000_000)
  for (const token of [large, huge, '.'.repeat(1_000_000)]) {
    const response = await app.inject({ method: 'POST', url: '/auth/verify', payload: { token } })
    t.match(response.json(), { status: 413, code: 'body_too_large' }, `${token.length} bytes in a body`)
  }
  for (const token of [huge, '.'.repeat(1_000_000), `${'A'.repeat(1_000_000)}.${huge}.${huge}`]) {
    const startedAt = performance.now()
    for (let times = 0; times < 1000; times++) readAccessTokenHeader(token)
    t.equal(readAccessTokenHeader(token), undefined)
    t.ok(performance.now() - startedAt < 500, 'a thousand of them are refused by their length alone')
  }
})

t.test('an Authorization header that is not a bearer token is refused, not ignored', async t => {
  const { app, ada } = await start(t)
  for (const authorization of [
    '',
    'Bearer',
    'Bearer ',
    `Bearer,${ada.accessToken}`,
    `Bearer ${ada.accessToken} ${ada.accessToken}`,
    `Basic ${ada.accessToken}`,
    `Token ${ada.accessToken}`,
    `JWT ${ada.accessToken}`,
    ada.accessToken,
    `Bearer Bearer ${ada.accessToken}`,
    `Bearer ${' '.repeat(8000)}a b`,
  ]) {
    const response = await app.inject({ url: '/auth/verify', headers: { authorization } })
    t.match(response.json(), { status: 401, code: 'token_invalid' }, authorization.slice(0, 20))
  }
  for (const scheme of ['bearer', 'BEARER', 'Bearer  ']) {
    const response = await app.inject({
      url: '/auth/verify',
      headers: { authorization: `${scheme} ${ada.accessToken}` },
    })
    t.equal(response.statusCode, 200, scheme)
  }
  t.equal((await get(app, `/auth/verify?access_token=${ada.accessToken}`, 'x')).statusCode, 401)
  const inQuery = await app.inject(`/auth/verify?access_token=${ada.accessToken}`)
  t.equal(inQuery.json().code, 'authentication_required', 'a token in the query is ignored')
})
