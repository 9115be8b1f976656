import { createHmac } from 'node:crypto'
import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { signUp, verify } from '../support/people.js'
import { encode, forgerOf } from './forger.js'

async function start(t: Tap, overrides: NodeJS.ProcessEnv = {}) {
  const test = await buildTestApp(t, overrides)
  const ada = await signUp(test.app)
  const forger = await forgerOf(test, ada.accessToken)
  return { ...test, ada, forger }
}
type Tap = Parameters<typeof buildTestApp>[0]

t.test('an unsigned access token is refused in every spelling of alg none', async t => {
  const { app, forger, ada } = await start(t)
  const payload = ada.accessToken.split('.')[1]
  for (const alg of ['none', 'None', 'NONE', 'nOnE', 'noNE', '', null, undefined]) {
    for (const kid of [forger.kid, undefined]) {
      const header = encode(JSON.stringify({ alg, typ: 'at+jwt', kid }))
      t.equal(await verify(app, `${header}.${payload}.`), 'token_invalid', `${alg}, no signature`)
      t.equal(await verify(app, `${header}.${payload}.AA`), 'token_invalid', `${alg}, some signature`)
    }
    t.equal(await verify(app, forger.token({ alg })), 'token_invalid', `${alg}, with a valid signature`)
  }
  const [header] = ada.accessToken.split('.')
  t.equal(await verify(app, `${header}.${payload}.`), 'token_invalid', 'the right algorithm, an empty signature')
  t.equal(await verify(app, `${header}.${payload}`), 'token_invalid', 'no third part')
  const nothing = Buffer.alloc(64).toString('base64url')
  t.equal(await verify(app, `${header}.${payload}.${nothing}`), 'token_invalid', 'r and s of zero (CVE-2022-21449)')
})

for (const JWT_ALGORITHM of ['ES256', 'RS256', 'EdDSA']) {
  t.test(`the public ${JWT_ALGORITHM} key is not accepted as an HMAC secret, in any encoding`, async t => {
    const { app, forger } = await start(t, { JWT_ALGORITHM })
    const pem = forger.publicKey.export({ type: 'spki', format: 'pem' }).toString()
    const der = forger.publicKey.export({ type: 'spki', format: 'der' })
    const jwk = forger.publicKey.export({ format: 'jwk' })
    const served = (await app.inject('/.well-known/jwks.json')).json().keys[0]
    const [genuineHeader, payload] = forger.token({}).split('.')
    const secrets = [
      pem,
      pem.trim(),
      pem.replaceAll('\n', '\r\n'),
      pem.replaceAll(/-----.*-----|\n/g, ''),
      der,
      der.toString('base64'),
      der.toString('base64url'),
      der.toString('hex'),
      JSON.stringify(jwk),
      JSON.stringify(served),
      jwk.x ?? jwk.n!,
      forger.kid,
      '',
    ]
    for (const alg of ['HS256', 'HS384', 'HS512', JWT_ALGORITHM]) {
      for (const secret of secrets) {
        const header =
          alg === JWT_ALGORITHM ? genuineHeader : encode(JSON.stringify({ alg, typ: 'at+jwt', kid: forger.kid }))
        const digest = alg.startsWith('HS') ? `sha${alg.slice(2)}` : 'sha256'
        const signature = createHmac(digest, secret).update(`${header}.${payload}`).digest('base64url')
        t.equal(await verify(app, `${header}.${payload}.${signature}`), 'token_invalid')
      }
    }
  })
}
