import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { externalStores } from '../support/external-stores.js'
import { startFaultProxy } from '../support/fault-proxy.js'
import { findFreePort } from '../support/free-port.js'
import { deployedConfiguration } from '../support/gateways/deployed-configuration.js'
import { type GatewayName, startGateway } from '../support/gateways/start-gateway.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { startService } from '../support/service-process.js'
import { followerOptions } from './feed-instances.js'
import { printFeedTable, runFeedRow } from './run-feed-row.js'
import { ONLY_IN_FULL } from './run-row.js'
import { watchElsewhere, watchHere } from './watching-verifier.js'

// The service itself ends, as separate processes, while other services follow the feed.

/** What starts instances on the same stores, each on its port, and a client with the scope `revocations`. */
async function openService(t: Test, instances: number) {
  const { env } = await externalStores(t)
  const ports = await Promise.all(Array.from({ length: instances }, () => findFreePort()))
  const start = (port: number) => startService(t, { env: { ...env, PORT: String(port), SHUTDOWN_DELAY: '800ms' } })
  const running = await Promise.all(ports.map(start))
  const { stdout } = await runLatchkey(['clients', 'create', 'orders', '--scope', 'revocations', '--json'], { env })
  const { client_id: id, client_secret: secret } = JSON.parse(stdout)
  return { ports, running, start, client: { id, secret } as { id: string; secret: string } }
}

t.test('verifiers miss nothing when the only instance is killed and starts again', async t => {
  const { ports, running, start, client } = await openService(t, 1)
  const [port] = ports as [number]
  const { url } = running[0]!
  const verifiers = [
    await watchHere(t, followerOptions('here', url, client)),
    await watchElsewhere(t, followerOptions('elsewhere', url, client)),
  ]
  await runFeedRow(t, {
    fault: 'the only instance is killed',
    services: [url],
    verifiers,
    begin: () => running[0]!.kill(),
    lastsMs: 1500,
    end: () => start(port),
  })
})

t.test('verifiers answer 503 once the only instance was down for longer than their bound', ONLY_IN_FULL, async t => {
  const { ports, running, start, client } = await openService(t, 1)
  const [port] = ports as [number]
  const { url } = running[0]!
  const verifiers = [
    await watchHere(t, followerOptions('impatient', url, client, 10)),
    await watchElsewhere(t, followerOptions('patient', url, client)),
  ]
  await runFeedRow(t, {
    fault: 'the only instance is down for long',
    services: [url],
    verifiers,
    begin: () => running[0]!.kill(),
    lastsMs: 15_000,
    end: () => start(port),
    cutOff: ['impatient'],
  })
})

t.test('verifiers of an instance that is killed go on at the other one', ONLY_IN_FULL, async t => {
  const { ports, running, start, client } = await openService(t, 2)
  const [a, b] = running.map(({ url }) => url) as [string, string]
  // As a load balancer that notices.
  const balancer = await startFaultProxy(t, { target: a })
  const verifiers = [
    await watchHere(t, followerOptions('moves', balancer.url, client)),
    await watchElsewhere(t, followerOptions('moves-elsewhere', balancer.url, client)),
    await watchHere(t, followerOptions('stays', b, client)),
  ]
  await runFeedRow(t, {
    fault: 'one of two instances is killed',
    services: [a, b],
    verifiers,
    begin: async () => {
      await running[0]!.kill()
      balancer.retarget(b)
    },
    lastsMs: 4000,
    end: () => start(ports[0]!),
  })
})

t.test('verifiers miss nothing while an instance hangs', ONLY_IN_FULL, async t => {
  const { running, client } = await openService(t, 2)
  const [a, b] = running.map(({ url }) => url) as [string, string]
  const verifiers = [
    await watchHere(t, followerOptions('at-the-hanging', a, client)),
    await watchElsewhere(t, followerOptions('elsewhere', a, client)),
    await watchHere(t, followerOptions('at-the-other', b, client)),
  ]
  await runFeedRow(t, {
    fault: 'an instance hangs',
    services: [b],
    verifiers,
    begin: () => process.kill(running[0]!.pid, 'SIGSTOP'),
    lastsMs: 12_000,
    end: () => process.kill(running[0]!.pid, 'SIGCONT'),
    laggards: ['at-the-hanging', 'elsewhere'],
  })
})

t.test('a rolling restart behind real gateways disturbs no verifier', ONLY_IN_FULL, async t => {
  const { ports, running, start, client } = await openService(t, 2)
  const behind = async (name: GatewayName) => {
    const listen = await findFreePort()
    const latchkey = ports as [number, number]
    const configuration = await deployedConfiguration(t, name, { listen, latchkey, isLatchkeyOnly: true })
    return startGateway(t, name, configuration, listen)
  }
  const names = ['nginx', 'haproxy', 'caddy'] as const
  const gateways = await Promise.all(names.map(behind))
  const verifiers = [
    ...(await Promise.all(names.map((name, i) => watchHere(t, followerOptions(name, gateways[i]!, client))))),
    await watchElsewhere(t, followerOptions('elsewhere', gateways[0]!, client)),
  ]
  await runFeedRow(t, {
    fault: 'a rolling restart behind gateways',
    services: gateways,
    verifiers,
    begin: async () => {
      for (const [i, port] of ports.entries()) {
        t.equal(await running[i]!.stop('SIGTERM'), 0)
        running[i] = await start(port)
        await sleep(600)
      }
    },
    lastsMs: 1000,
    end: () => {},
  })
})

t.test('what verifiers answered while the service ended is printed as a table', async t => printFeedTable(t))
