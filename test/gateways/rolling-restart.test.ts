import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { externalStores } from '../support/external-stores.js'
import { findFreePort } from '../support/free-port.js'
import { deployedConfiguration } from '../support/gateways/deployed-configuration.js'
import { type GatewayName, startGateway } from '../support/gateways/start-gateway.js'
import { type Answer, HttpClient } from '../support/http-client.js'
import { PASSWORD } from '../support/people.js'
import { type ServiceProcess, startService } from '../support/service-process.js'

/** The number of users behind each gateway. nginx is the hardest case because it does not request /readyz. */
const PEOPLE = { nginx: 8, haproxy: 2, caddy: 2 }
/** The other gateways notice at their next health check that an instance is available again. */
const INTERVAL_MS = 600

t.test('a rolling restart behind real gateways fails no request and signs no user out', async t => {
  const { env } = await externalStores(t)
  const ports: [number, number] = [await findFreePort(), await findFreePort()]
  const start = (port: number) => startService(t, { env: { ...env, PORT: String(port), SHUTDOWN_DELAY: '800ms' } })
  const instances: ServiceProcess[] = await Promise.all(ports.map(start))

  const load = { stopped: false, wrong: [] as string[], answers: 0 }
  const people = Object.entries(PEOPLE).map(async ([each, count]) => {
    const name = each as GatewayName
    const listen = await findFreePort()
    const gateway = await startGateway(
      t,
      name,
      await deployedConfiguration(t, name, { listen, latchkey: ports, isLatchkeyOnly: true }),
      listen,
    )
    await Promise.all(Array.from({ length: count }, (_, i) => work(t, gateway, `${name}${i}`, load)))
  })
  while (load.answers < 200) await sleep(20)

  for (const [i, port] of ports.entries()) {
    const before = load.answers
    t.equal(await instances[i]!.stop('SIGTERM'), 0)
    t.ok(load.answers > before + 50, `${load.answers - before} requests while it stopped`)
    instances[i] = await start(port)
    await sleep(INTERVAL_MS)
  }
  const before = load.answers
  while (load.answers < before + 100) await sleep(20)
  load.stopped = true
  await Promise.all(people)
  t.same(load.wrong, [])
  t.comment(`${load.answers} requests`)
})

/** One user behind one gateway: registers, then verifies, refreshes, signs in a second time and out again. */
async function work(
  t: Test,
  gateway: string,
  name: string,
  load: { stopped: boolean; wrong: string[]; answers: number },
) {
  const client = new HttpClient(gateway)
  t.teardown(() => client.close())
  /** @returns the body, if the status is the expected one */
  const expect = async (status: number, what: string, asked: Promise<Answer>): Promise<Answer['body'] | undefined> => {
    const answer = await asked.catch((error: Error) => ({ status: error.message, body: '' }))
    load.answers++
    if (answer.status === status) return answer.body
    load.wrong.push(`${name}: ${what} answered ${answer.status} ${JSON.stringify(answer.body)}`)
    return undefined
  }

  const credentials = { email: `${name}@example.com`, password: PASSWORD, transport: 'body' }
  const refresh = ({ refresh_token }: { refresh_token: string }) => client.post('/auth/refresh', { refresh_token })
  let tokens = await expect(201, 'register', client.post('/auth/register', credentials))
  for (let turn = 0; !load.stopped && tokens !== undefined; turn++) {
    await expect(200, 'verify', client.get('/auth/verify', tokens.access_token))
    tokens = (await expect(200, 'refresh', refresh(tokens))) ?? tokens
    if (turn % 10 !== 0) continue
    const other = await expect(200, 'login', client.post('/auth/login', credentials))
    if (other === undefined) continue
    await expect(204, 'logout', client.post('/auth/logout', { refresh_token: other.refresh_token }))
    await expect(401, 'refresh after logout', refresh(other))
  }
}
