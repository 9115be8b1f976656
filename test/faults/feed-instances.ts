import type { Test } from 'tap'
import { makeClient, type TestClient } from '../support/clients.js'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js'
import { listen } from '../support/raw-request.js'
import { type Instances, type InstancesOptions, startInstances } from './instances.js'
import {
  type VerifierProcess,
  type WatchingOptions,
  type WatchingVerifier,
  watchElsewhere,
  watchHere,
} from './watching-verifier.js'

/** The issuer of the tests in which verifiers reach the service at other addresses. */
export const ISSUER = 'http://localhost:3000'

/** How long the verifiers of most rows verify without news: longer than the fault, also on a busy machine. */
export const PATIENT_SECONDS = 90

export interface FeedInstances extends Instances {
  /** The addresses of the two instances. */
  services: readonly [string, string]
  /** The fault proxies between verifiers and the instances. */
  networks: readonly [FaultProxy, FaultProxy]
  client: TestClient
  /** The options of a verifier that follows an instance through its network. */
  follow(name: string, network: FaultProxy, maxStalenessSeconds?: number): WatchingOptions
}

/** Two instances of the service in this process that listen, on stores behind fault proxies. */
export async function startFeedInstances(t: Test, options: InstancesOptions = {}): Promise<FeedInstances> {
  const instances = await startInstances(t, { ...options, env: { PUBLIC_ORIGIN: ISSUER, ...options.env } })
  const addressOf = async ({ app }: Instances['a']) => `http://127.0.0.1:${await listen(app)}`
  const services = [await addressOf(instances.a), await addressOf(instances.b)] as const
  const networks = [
    await startFaultProxy(t, { target: services[0] }),
    await startFaultProxy(t, { target: services[1] }),
  ] as const
  const client = await makeClient(instances.a.app, 'revocations')
  return {
    ...instances,
    services,
    networks,
    client,
    follow: (name, network, maxStalenessSeconds = PATIENT_SECONDS) =>
      followerOptions(name, network.url, client, maxStalenessSeconds),
  }
}

export function followerOptions(
  name: string,
  url: string,
  { id, secret }: Pick<TestClient, 'id' | 'secret'>,
  maxStalenessSeconds = PATIENT_SECONDS,
): WatchingOptions {
  return { issuer: ISSUER, baseUrl: new URL(url).origin, client: { id, secret }, name, maxStalenessSeconds }
}

/** One verifier at each instance, and one in its own process. */
export async function startThreeVerifiers(
  t: Test,
  { networks, follow }: FeedInstances,
  maxStalenessSeconds = PATIENT_SECONDS,
): Promise<[WatchingVerifier, WatchingVerifier, VerifierProcess]> {
  return [
    await watchHere(t, follow('first', networks[0], maxStalenessSeconds)),
    await watchHere(t, follow('second', networks[1], maxStalenessSeconds)),
    await watchElsewhere(t, follow('elsewhere', networks[0], maxStalenessSeconds)),
  ]
}
