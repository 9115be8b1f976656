import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { buildTestApp } from '../build-test-app.js'
import { makeClient } from '../clients.js'
import { type EdgeProcess, edgeEnv, startEdge } from '../edge-process.js'
import { externalStores } from '../external-stores.js'
import { findFreePort } from '../free-port.js'
import { type ServiceProcess, startService } from '../service-process.js'
import { deployedConfiguration } from './deployed-configuration.js'
import { startEchoService } from './echo-service.js'
import { type GatewayName, startGateway } from './start-gateway.js'

export const GATEWAYS = ['nginx', 'haproxy', 'caddy'] as const

/** Two instances of the service below `/identity`, two edges for each kind of gateway, and the three gateways before them. */
export interface Fleet {
  /** A third instance on the same stores, in this process, through which a test acts while the others are down. */
  app: FastifyInstance
  urls: Record<GatewayName, string>
  stopServices(signal: NodeJS.Signals): Promise<void>
  startServices(): Promise<void>
  /** Stops one of the two instances in good order and starts it again; the exit code must be 0. */
  restartService(index: 0 | 1): Promise<number | NodeJS.Signals>
  /** The same for one of the two edges behind every gateway. */
  restartEdge(index: 0 | 1): Promise<(number | NodeJS.Signals)[]>
}

type Pair = readonly [number, number]

/** nginx and HAProxy ask in the same way. */
const KINDS = ['nginx', 'caddy'] as const
const SHUTDOWN_DELAY = '800ms'

const RULES = `
rules:
  - prefix: /
    access: signed in
  - prefix: /assets
    access: public
  - prefix: /api
    access: signed in
    preflights: true
`

/** @param edge settings of `latchkey edge` in addition */
export async function startFleet(t: Test, edge: NodeJS.ProcessEnv = {}): Promise<Fleet> {
  const { env: stores } = await externalStores(t)
  const env = { ...stores, PUBLIC_PATH: '/identity', TRUST_PROXY: '127.0.0.1' }
  const { app, config } = await buildTestApp(t, env)
  const orders = await startEchoService(t)
  const latchkey = await twoPorts()
  const edgePorts = { nginx: await twoPorts(), caddy: await twoPorts() }
  const listen = { nginx: await findFreePort(), haproxy: await findFreePort(), caddy: await findFreePort() }

  const startOne = (index: number) =>
    startService(t, { env: { ...env, PORT: String(latchkey[index]), SHUTDOWN_DELAY, LOG_LEVEL: 'warn' } })
  const services = (await Promise.all([startOne(0), startOne(1)])) as [ServiceProcess, ServiceProcess]

  const urls = {} as Record<GatewayName, string>
  for (const name of GATEWAYS) {
    const addresses = { listen: listen[name], latchkey, edge: edgePorts[name === 'caddy' ? 'caddy' : 'nginx'], orders }
    urls[name] = await startGateway(t, name, await deployedConfiguration(t, name, addresses), listen[name])
  }
  const client = await makeClient(app, 'revocations')
  // The edge itself reaches Latchkey through a gateway, so that it finds another instance when one restarts.
  const startEdgeOf = (kind: (typeof KINDS)[number], index: number) =>
    startEdge(t, {
      ...edgeEnv({ url: config.issuer, client }),
      EDGE_BASE_URL: `${urls[kind]}/identity`,
      EDGE_GATEWAY: kind,
      EDGE_RULES: RULES,
      EDGE_NAME: `${kind}-${index}`,
      EDGE_PORT: String(edgePorts[kind][index]),
      SHUTDOWN_DELAY,
      ...edge,
    })
  const edges = await Promise.all(
    KINDS.map(async kind => ({ kind, pair: await Promise.all([startEdgeOf(kind, 0), startEdgeOf(kind, 1)]) })),
  )
  async function restartEdgeOf({ kind, pair }: { kind: (typeof KINDS)[number]; pair: EdgeProcess[] }, index: number) {
    const exit = await pair[index]!.stop('SIGTERM')
    pair[index] = await startEdgeOf(kind, index)
    return exit
  }
  return {
    app,
    urls,
    async stopServices(signal) {
      await Promise.all(services.map(service => service.stop(signal)))
    },
    async startServices() {
      for (const index of [0, 1] as const) services[index] = await startOne(index)
    },
    async restartService(index) {
      const exit = await services[index].stop('SIGTERM')
      services[index] = await startOne(index)
      return exit
    },
    restartEdge: index => Promise.all(edges.map(each => restartEdgeOf(each, index))),
  }
}

async function twoPorts(): Promise<Pair> {
  return [await findFreePort(), await findFreePort()]
}
