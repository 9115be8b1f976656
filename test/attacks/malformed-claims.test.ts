import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { signUp, verify } from '../support/people.js'
import { forgerOf, payloadOf } from './forger.js'

async function start(t: Parameters<typeof buildTestApp>[0]) {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const forger = await forgerOf(test, ada.accessToken)
  const header = JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: forger.kid })
  /** Verifies raw claims with a valid signature: they may contain text that JSON.stringify never writes. */
  const verifyText = (payload: string) => verify(test.app, forger.tokenOf(header, payload))
  const claims = payloadOf(ada.accessToken)
  const withMember = (name: string, text: string) =>
    JSON.stringify({ ...claims, [name]: 'REPLACED' }).replace('"REPLACED"', text)
  return { ...test, ada, forger, claims, verifyText, withMember }
}

t.test('an access token without exp, or with an exp that is not a whole second, is refused', async t => {
  const { app, forger, claims, verifyText, withMember } = await start(t)
  const exp = claims.exp as number
  t.equal(await verify(app, forger.token({}, { exp: undefined })), 'token_invalid', 'none')
  for (const text of [
    'null',
    `"${exp}"`,
    '"never"',
    'true',
    '{}',
    '[]',
    `[${exp}]`,
    '1e999',
    '-1e999',
    `${exp}.5`,
    '1e300',
    '9007199254740993',
    '0',
    '-1',
    `-${exp}`,
  ])
    t.equal(await verifyText(withMember('exp', text)), 'token_invalid', `exp ${text}`)
  t.equal(await verifyText(withMember('exp', `${exp}.0`)), 200, 'another spelling of a whole second')
  t.equal(await verifyText(withMember('exp', '1000000000')), 'token_expired', 'an exp in the past')
})

t.test('an expired access token is refused without any clock tolerance', async t => {
  const { app, forger, clock } = await start(t)
  const nowSeconds = Math.floor(clock.now() / 1000)
  t.equal(await verify(app, forger.token({}, { exp: nowSeconds - 1 })), 'token_expired')
  t.equal(await verify(app, forger.token({}, { exp: nowSeconds + 60 })), 200)
})

t.test('an access token is refused before its nbf, with thirty seconds of clock tolerance', async t => {
  const { app, forger, clock, verifyText, withMember } = await start(t)
  const nowSeconds = Math.floor(clock.now() / 1000)
  t.equal(await verify(app, forger.token({}, { nbf: nowSeconds - 60 })), 200)
  t.equal(await verify(app, forger.token({}, { nbf: nowSeconds + 20 })), 200, 'within the tolerance')
  t.equal(await verify(app, forger.token({}, { nbf: nowSeconds + 60 })), 'token_invalid')
  for (const text of ['null', `"${nowSeconds}"`, '1e999', '-1e999', '[]', '{}', 'true', `${nowSeconds}.5`])
    t.equal(await verifyText(withMember('nbf', text)), 'token_invalid', `nbf ${text}`)
})

t.test('an access token that lacks a claim, or has one of the wrong type, is refused', async t => {
  const { app, forger } = await start(t)
  const texts = ['sub', 'sid', 'jti', 'client_id']
  const numbers = ['iat', 'auth_time', 'ver', 'gen']
  for (const claim of [...texts, ...numbers, 'roles'])
    for (const value of [undefined, null, {}, [1], true])
      t.equal(await verify(app, forger.token({}, { [claim]: value })), 'token_invalid', `${claim} ${value}`)
  for (const claim of texts)
    for (const value of ['', 1, ['a']])
      t.equal(await verify(app, forger.token({}, { [claim]: value })), 'token_invalid', `${claim} ${value}`)
  for (const claim of numbers)
    for (const value of ['1', -1, 0.5, 2 ** 53])
      t.equal(await verify(app, forger.token({}, { [claim]: value })), 'token_invalid', `${claim} ${value}`)
  for (const roles of ['admin', { 0: 'admin' }, ['user', null], [['admin']]])
    t.equal(await verify(app, forger.token({}, { roles })), 'token_invalid', `roles ${JSON.stringify(roles)}`)
})

t.test('an access token whose payload is not an object is refused', async t => {
  const { claims, verifyText } = await start(t)
  const good = JSON.stringify(claims)
  for (const payload of [
    '',
    'null',
    'true',
    '1',
    '1e999',
    '"text"',
    '[]',
    `[${good}]`,
    `${good}${good}`,
    '{',
    `${good},`,
  ])
    t.equal(await verifyText(payload), 'token_invalid', payload.slice(0, 20))
  t.equal(await verifyText(good), 200)
})

t.test('of a duplicated claim only the last counts, and a claim in __proto__ does not count', async t => {
  const { app, ada, claims, verifyText } = await start(t)
  const good = JSON.stringify(claims)
  t.equal(await verifyText(good.replace('"aud"', '"aud":"https://evil.example","aud"')), 200, 'the last one counts')
  t.equal(await verifyText(good.replace(/}$/, ',"aud":"https://evil.example"}')), 'token_invalid')
  const { sub, ...withoutSubject } = claims
  const inherited = JSON.stringify(withoutSubject).replace('{', `{"__proto__":{"sub":"${sub}"},`)
  t.equal(await verifyText(inherited), 'token_invalid')
  t.notOk('sub' in {})
  t.equal(await verify(app, ada.accessToken), 200)
})
