import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createVerifier } from '@latchkey/verifier'
import t, { type Test } from 'tap'
import { TEST_SECRETS } from '../test/support/build-test-app.js'
import { findFreePort } from '../test/support/free-port.js'
import { PASSWORD } from '../test/support/people.js'
import { runLatchkey } from '../test/support/run-latchkey.js'
import { startRedis } from '../test/support/servers/own-redis.js'
import { type ServiceProcess, startService } from '../test/support/service-process.js'
import { emptyDatabase } from '../test/support/test-database.js'
import { medianAndWorst } from '../test/support/three-services.js'

// How long a revoked token is accepted by verifiers while two instances of Latchkey are restarted one after the other. The
// verifiers reach them through a TCP proxy that knows nothing of /readyz: it takes the instances in turn, and the other
// one if the first refuses the connection.
//
//     npm run bench:rolling-restart                     three rounds of two restarts, SHUTDOWN_DELAY=1s
//     ROUNDS=10 SHUTDOWN_DELAY=5s VERIFIERS=8 npm run bench:rolling-restart
//     SIGNAL=SIGKILL npm run bench:rolling-restart      the instances are killed instead

const ROUNDS = Number(process.env.ROUNDS ?? 3)
const VERIFIERS = Number(process.env.VERIFIERS ?? 4)
const SHUTDOWN_DELAY = process.env.SHUTDOWN_DELAY ?? '1s'
const SIGNAL = (process.env.SIGNAL ?? 'SIGTERM') as NodeJS.Signals
/** So long both instances run before the next one is restarted. */
const BETWEEN_MS = 7000
const TIMEOUT_MS = 30_000

t.test(`${ROUNDS} rounds of restarts of two instances`, { timeout: 1_800_000 }, async t => {
  const [database, redis] = [await emptyDatabase(t), await startRedis(t)]
  const env = {
    ...TEST_SECRETS,
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    PUBLIC_ORIGIN: 'http://localhost:3000',
    LOG_LEVEL: 'error',
    RATE_LIMIT: 'off',
    SHUTDOWN_DELAY,
    MAX_SESSIONS_PER_USER: '0',
  }
  const ports = [await findFreePort(), await findFreePort()]
  const start = (port: number) => startService(t, { env: { ...env, PORT: String(port) } })
  const services: ServiceProcess[] = await Promise.all(ports.map(start))
  const baseUrl = await startProxy(t, ports)
  const created = await runLatchkey(['clients', 'create', 'orders', '--scope', 'revocations', '--json'], { env })
  const { client_id: id, client_secret: secret } = JSON.parse(created.stdout)
  const log = { info() {}, warn() {}, error() {} }
  const verifiers = Array.from({ length: VERIFIERS }, (_, n) =>
    createVerifier({ issuer: env.PUBLIC_ORIGIN, baseUrl, client: { id, secret }, name: `orders-${n}`, log }),
  )
  t.teardown(() => Promise.all(verifiers.map(verifier => verifier.close())))
  await Promise.all(verifiers.map(verifier => verifier.ready()))

  const account = { email: 'ada@example.com', password: PASSWORD, transport: 'body' }
  await post(`${baseUrl}/auth/register`, account)
  const delays: number[] = []
  let isOver = false
  const revoking = (async () => {
    while (!isOver) {
      const { access_token: token } = await post(`${baseUrl}/auth/login`, account)
      await Promise.all(verifiers.map(verifier => verifier.verify(token)))
      await post(`${baseUrl}/auth/logout`, {}, token)
      const answeredAtMs = performance.now()
      delays.push(
        ...(await Promise.all(
          verifiers.map(verifier => untilRefused(() => verifier.verifyKnown(token), answeredAtMs)),
        )),
      )
    }
  })()
  for (let round = 0; round < ROUNDS; round++)
    for (const [index, port] of ports.entries()) {
      await sleep(BETWEEN_MS)
      await services[index]!.stop(SIGNAL)
      services[index] = await start(port)
    }
  await sleep(BETWEEN_MS)
  isOver = true
  await revoking
  const { median, worst } = medianAndWorst(delays)
  const slow = delays.filter(ms => ms > 250).length
  console.error(
    `${delays.length} refusals by ${VERIFIERS} verifiers, ${2 * ROUNDS} restarts (${SIGNAL}): ` +
      `median ${median.toFixed(1)} ms, worst ${worst.toFixed(1)} ms, ${slow} later than 250 ms`,
  )
  t.ok(delays.length > 0)
})

async function untilRefused(verify: () => unknown, sinceMs: number): Promise<number> {
  for (;;) {
    try {
      verify()
    } catch (error) {
      if ((error as { code?: string }).code !== 'token_revoked') throw error
      return performance.now() - sinceMs
    }
    if (performance.now() - sinceMs > TIMEOUT_MS) throw new Error('a verifier has not learnt of a revocation')
    await sleep(1)
  }
}

/** Repeats the request on a new connection, until an instance answers it. */
async function post(url: string, body: object, token?: string): Promise<{ access_token: string }> {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
  for (let attempt = 1; ; attempt++) {
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) }).catch(() => undefined)
    // A sign-out whose answer was lost is answered with 401 when it is repeated.
    if (answer?.status === 204 || (url.endsWith('/logout') && answer?.status === 401)) return { access_token: '' }
    if (answer?.ok) return (await answer.json()) as { access_token: string }
    if (attempt === 50) throw new Error(`${url} answers ${answer?.status}`)
    await sleep(20)
  }
}

async function startProxy(t: Test, ports: readonly number[]): Promise<string> {
  const sockets = new Set<Socket>()
  let turn = 0
  const server = createServer(client => {
    sockets.add(client)
    client.on('error', () => {})
    const first = turn++
    const lead = (attempt: number) => {
      const upstream = connect(ports[(first + attempt) % ports.length]!, '127.0.0.1')
      sockets.add(upstream)
      upstream.on('connect', () => {
        client.pipe(upstream).pipe(client)
        client.on('close', () => upstream.destroy())
      })
      upstream.on('error', error => {
        if ('syscall' in error && error.syscall === 'connect' && attempt + 1 < ports.length) lead(attempt + 1)
        else client.destroy()
      })
    }
    lead(0)
  })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const port = await findFreePort()
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  return `http://127.0.0.1:${port}`
}
