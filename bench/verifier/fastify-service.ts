import type { AddressInfo } from 'node:net'
import { createVerifier } from '@latchkey/verifier'
import latchkey, { authenticate, requireRole } from '@latchkey/verifier/fastify'
import Fastify from 'fastify'

// A service of somebody else, for requests.ts.

const verifier = createVerifier({ issuer: process.env.ISSUER!, client: JSON.parse(process.env.CLIENT!) })
const app = Fastify()
await app.register(latchkey, { verifier })
const ok = { ok: true }
app.get('/bare', async () => ok)
app.get('/guarded', { onRequest: authenticate }, async () => ok)
app.get('/editors', { onRequest: requireRole('editor') }, async () => ok)
await app.listen({ port: 0, host: '127.0.0.1' })
await verifier.ready({ timeoutMs: 60_000 })

process.on('message', async message => {
  if (message === 'close') {
    await Promise.all([app.close(), verifier.close()])
    process.disconnect()
    return
  }
  const { user, system } = process.cpuUsage()
  process.send!(user + system)
})
process.send!((app.server.address() as AddressInfo).port)
