import { writeFile } from 'node:fs/promises'
import { type CryptoKey, exportJWK, exportPKCS8 } from 'jose'
import t from 'tap'
import { makeSecretlessClient } from '../support/assertions.js'
import { buildTestApp } from '../support/build-test-app.js'
import { ACCOUNT, makeKey, startCluster } from '../support/cluster-issuer.js'
import { startEdge } from '../support/edge-process.js'
import { findFreePort } from '../support/free-port.js'
import { HttpClient } from '../support/http-client.js'
import { signUp } from '../support/people.js'

t.test('the edge has no secret: it proves who it is with a projected token, or with its own key', async t => {
  const port = await findFreePort()
  const issuer = `http://127.0.0.1:${port}`
  const { app } = await buildTestApp(t, { PUBLIC_ORIGIN: issuer })
  await app.listen({ port, host: '127.0.0.1' })
  const cluster = await startCluster(t, { audience: issuer })
  const key = await makeKey('edge', 'ES256')
  const folder = t.testdir({})
  await writeFile(`${folder}/token`, await cluster.token())
  await writeFile(`${folder}/key.pem`, await exportPKCS8(key.privateKey as CryptoKey))
  await writeFile(`${folder}/key.json`, JSON.stringify(await exportJWK(key.privateKey as CryptoKey)))

  const inCluster = await makeSecretlessClient(app, { issuer: cluster.issuer, subject: ACCOUNT })
  const withKey = await makeSecretlessClient(app, { jwks: { keys: [key.jwk] } })
  const { accessToken } = await signUp(app)
  for (const env of [
    { EDGE_CLIENT_ID: inCluster, EDGE_CLIENT_ASSERTION_FILE: `${folder}/token` },
    { EDGE_CLIENT_ID: withKey, EDGE_CLIENT_KEY_FILE: `${folder}/key.pem`, EDGE_CLIENT_KEY_ID: 'edge' },
    { EDGE_CLIENT_ID: withKey, EDGE_CLIENT_KEY_FILE: `${folder}/key.json`, EDGE_CLIENT_KEY_ID: 'edge' },
  ]) {
    const edge = await startEdge(t, { EDGE_ISSUER: issuer, ...env })
    const client = new HttpClient(edge.url)
    t.equal((await client.get('/auth/verify', accessToken)).status, 200)
    client.close()
    await edge.stop()
  }
})
