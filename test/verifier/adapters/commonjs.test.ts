import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { startExampleProcess } from '../../examples/example-process.js'
import { installVerifier } from '../../support/build-package.js'
import { makeFolder } from '../../support/servers/embedded-fixture.js'
import { sendTo } from './frameworks.js'
import { openService } from './open-service.js'

const SERVICES = {
  Express: `
const express = require('express')
const { createVerifier } = require('@latchkey/verifier')
const { authenticate, requireRole } = require('@latchkey/verifier/express')

const verifier = createVerifier({ issuer: process.env.LATCHKEY_ISSUER, baseUrl: process.env.LATCHKEY_URL })
const app = express()
app.use(authenticate(verifier))
app.get('/', (request, response) => response.json(request.principal))
app.get('/editors', requireRole('editor'), (request, response) => response.end())
const server = app.listen(0, () => console.log('ready at http://localhost:' + server.address().port))
`,
  Fastify: `
const fastify = require('fastify')
const { createVerifier } = require('@latchkey/verifier')
const { default: latchkey, authenticate, requireRole } = require('@latchkey/verifier/fastify')

const verifier = createVerifier({ issuer: process.env.LATCHKEY_ISSUER, baseUrl: process.env.LATCHKEY_URL })
const app = fastify()
app.register(latchkey, { verifier })
app.get('/', { onRequest: authenticate }, async request => request.principal)
app.get('/editors', { onRequest: requireRole('editor') }, async () => ({}))
app.listen({ port: 0 }).then(url => console.log('ready at ' + url))
`,
}

for (const [name, source] of Object.entries(SERVICES)) {
  t.test(`a CommonJS service with ${name} loads the package with require`, async t => {
    const { config, url, user } = await openService(t)
    const folder = await makeFolder(t)
    await installVerifier(folder, [name.toLowerCase()])
    const file = join(folder, 'server.cjs')
    await writeFile(file, source)
    const env = { LATCHKEY_ISSUER: config.issuer, LATCHKEY_URL: url }
    const service = await startExampleProcess(t, process.execPath, [file], env)
    const send = sendTo(service.url)
    const headers = { authorization: `Bearer ${user.accessToken}` }
    t.match(await send('/', headers), { status: 200, body: { userId: user.userId } })
    t.match(await send('/editors', headers), { status: 403, body: { code: 'insufficient_role' } })
    t.match(await send('/'), { status: 401, body: { code: 'authentication_required' } })
    t.notMatch(service.output(), /Warning/)
  })
}
