import t from 'tap'
import { buildTestApp } from '../../support/build-test-app.js'
import { makeClient } from '../../support/clients.js'
import { until } from '../../support/eventually.js'
import { PASSWORD } from '../../support/people.js'
import { listen } from '../../support/raw-request.js'
import { knownVerdict, startVerifier, verdict } from '../verifiers.js'

// Where Latchkey is reached, and what its tokens call it, can be different things.

async function works(
  t: Parameters<typeof buildTestApp>[0],
  env: NodeJS.ProcessEnv,
  options: { issuer: string; audience?: string },
  path = '',
): Promise<void> {
  const { app } = await buildTestApp(t, env)
  const { id, secret } = await makeClient(app, 'revocations')
  const baseUrl = `http://127.0.0.1:${await listen(app)}${path}`
  const verifier = startVerifier(t, { ...options, baseUrl, client: { id, secret } })
  await verifier.ready()
  const send = (url: string, payload: object) => app.inject({ method: 'POST', url: `${path}${url}`, payload })
  const account = { email: 'ada@example.com', password: PASSWORD, transport: 'body' }
  const { access_token, refresh_token } = (await send('/auth/register', account)).json()
  t.equal(await verdict(verifier.verify(access_token)), 'valid')
  await send('/auth/logout', { refresh_token })
  await until(() => knownVerdict(verifier, access_token) === 'token_revoked')
  await until(() => verifier.status().lastError === undefined)
}

t.test('Latchkey below a path of its origin, reached at an internal address', async t => {
  const env = { PUBLIC_ORIGIN: 'https://example.com', PUBLIC_PATH: '/identity' }
  await works(t, env, { issuer: 'https://example.com/identity' }, '/identity')
})

t.test('an issuer that is no address, and an audience of its own', async t => {
  await works(t, { JWT_ISSUER: 'our-tokens', JWT_AUDIENCE: 'shop' }, { issuer: 'our-tokens', audience: 'shop' })
})

t.test('each algorithm of the tokens', async t => {
  for (const JWT_ALGORITHM of ['EdDSA', 'RS256'])
    await works(t, { JWT_ALGORITHM, PUBLIC_ORIGIN: 'https://example.com' }, { issuer: 'https://example.com' })
})

t.test('an issuer that is written differently is named at the start', async t => {
  const { app } = await buildTestApp(t, { PUBLIC_ORIGIN: 'https://example.com' })
  const baseUrl = `http://127.0.0.1:${await listen(app)}`
  for (const issuer of ['https://example.com/', 'http://example.com', 'https://www.example.com']) {
    const verifier = startVerifier(t, { issuer, baseUrl })
    await t.rejects(verifier.ready(), {
      message: /`issuer` is .*, but the tokens of .* have the issuer https:\/\/example\.com$/,
    })
  }
})
