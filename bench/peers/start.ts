import type { Contender, Operation } from '../contender.js'
import type { BenchStores } from '../stores/start.js'
import { startBetterAuth } from './better-auth.js'
import { findDjango, startDjango } from './django.js'
import { areNodePeersInstalled } from './node-peer.js'
import { startOidcProvider } from './oidc-provider.js'
import { startSessionCookies } from './session-cookies.js'

/** What is installed here of what people choose instead, and what is not. */
export interface Peers {
  skipped: string[]
  /** Starts those that have one of these operations. */
  start(stores: BenchStores, operations: readonly Operation[]): Promise<Contender[]>
}

interface Peer {
  operations: readonly Operation[]
  start(stores: BenchStores): Promise<Contender>
}

const NODE_PEERS: readonly Peer[] = [
  {
    operations: ['verify', 'login', 'list', 'revoke', 'logout'],
    start: stores => startBetterAuth(stores, 'off'),
  },
  { operations: ['verify'], start: stores => startBetterAuth(stores, 'on') },
  { operations: ['refresh', 'introspect'], start: startOidcProvider },
  ...(['@fastify/session', 'express-session'] as const).map(
    (library): Peer => ({
      operations: ['verify', 'login', 'logout'],
      start: stores => startSessionCookies(stores, library),
    }),
  ),
]

export async function findPeers(): Promise<Peers> {
  const python = await findDjango()
  const found: Peer[] = []
  const skipped: string[] = []
  if (areNodePeersInstalled()) found.push(...NODE_PEERS)
  else skipped.push('better-auth, oidc-provider, @fastify/session and express-session: run `npm ci --prefix bench`.')
  if (python !== undefined)
    found.push({
      operations: ['verify', 'profile', 'refresh', 'login', 'logout'],
      start: stores => startDjango(stores, python),
    })
  else
    skipped.push(
      'Django with Simple JWT: install the Debian packages python3-djangorestframework-simplejwt, python3-psycopg2 and gunicorn.',
    )
  return {
    skipped,
    // One after the other, so that the time of each start is its own.
    async start(stores, operations) {
      const started: Contender[] = []
      for (const peer of found)
        if (peer.operations.some(each => operations.includes(each))) started.push(await peer.start(stores))
      return started
    },
  }
}
