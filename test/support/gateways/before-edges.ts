import type { Test } from 'tap'
import type { ToyIssuer } from '../../verifier/toy-issuer.js'
import { type EdgeProcess, edgeEnv, startEdge } from '../edge-process.js'
import { until } from '../eventually.js'
import { findFreePort } from '../free-port.js'
import { HttpClient } from '../http-client.js'
import { deployedConfiguration } from './deployed-configuration.js'
import { type GatewayName, startGateway } from './start-gateway.js'

const RULES = 'rules: [{ prefix: /, access: signed in }, { prefix: /assets, access: public }]'

type Pair = [EdgeProcess, EdgeProcess]

/** Two edges for each way in which gateways ask: nginx and HAProxy ask in the same way. */
export type Edges = Record<'nginx' | 'caddy', Pair>

/** Starts two edges for nginx and HAProxy, and two for Caddy. Everything below /assets is public. */
export async function startEdges(t: Test, toy: ToyIssuer): Promise<Edges> {
  const start = (gateway: string) => startEdge(t, { ...edgeEnv(toy), EDGE_GATEWAY: gateway, EDGE_RULES: RULES })
  const pair = (gateway: string): Promise<Pair> => Promise.all([start(gateway), start(gateway)])
  return { nginx: await pair('nginx'), caddy: await pair('caddy') }
}

export interface Around {
  toy: ToyIssuer
  edges: Edges
  /** The port of the service. */
  orders: number
  /** Changes of an operator. */
  change?(configuration: string): string
}

/** Starts a gateway before two edges, as deploy/gateways configures it, and waits until it passes requests on. */
export async function startBeforeEdges(t: Test, name: GatewayName, { toy, edges, orders, change }: Around) {
  const port = await findFreePort()
  const [one, two] = edges[name === 'caddy' ? 'caddy' : 'nginx']
  const latchkey = [toy.port, toy.port] as const
  const addresses = { listen: port, latchkey, edge: [one.port, two.port], orders, ...(change && { change }) } as const
  const client = new HttpClient(await startGateway(t, name, await deployedConfiguration(t, name, addresses), port))
  t.teardown(() => client.close())
  // HAProxy and Caddy ask whether the edges are ready.
  await until(async () => (await client.get('/assets/ready')).status < 500)
  return { client, port }
}
