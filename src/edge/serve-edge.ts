import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createVerifier, type Verifier } from '@latchkey/verifier'
import closeWithGrace from 'close-with-grace'
import { ConfigError } from '../config/config-error.js'
import { codeOf } from '../lib/error-facts.js'
import type { Log } from '../lib/log.js'
import { createDecider, type Decide } from './decide.js'
import { type EdgeConfig, readEdgeConfig } from './edge-config.js'
import { createEdgeLog } from './edge-log.js'
import { readiness } from './health.js'
import { httpFetch } from './http-fetch.js'
import { createEdgeServer } from './http-server.js'

/** How long open requests have after the server stopped listening, and the last report of activity. */
const CLOSE_TIMEOUT_MS = 5_000

/** What stops with the process. */
interface GrpcEdge {
  close(): Promise<void>
}

/**
 * Runs `latchkey edge` until it receives a signal. It listens at once, also if Latchkey cannot be reached: until the keys
 * and the first list of revocations are there, it answers 503, except on public routes.
 *
 * @throws ConfigError that lists every error of the settings and the rules
 * @throws Error that says why it cannot listen
 */
export async function serveEdge(env: NodeJS.ProcessEnv): Promise<void> {
  const config = await readEdgeConfig(env)
  const log = createEdgeLog(config.logLevel)
  const verifier = startVerifier(config, log)
  let isStopping = false
  const decide = createDecider({ ...config, verifier, log })
  const server = createEdgeServer({ decide, verifier, config, isStopping: () => isStopping })
  let grpc: GrpcEdge | undefined
  try {
    // First, so that a probe over HTTP speaks for both.
    grpc = await startGrpc(config, decide, () => readiness(isStopping, verifier.status()).status === 200)
    await listen(server, config)
  } catch (error) {
    await grpc?.close()
    await verifier.close()
    throw error
  }
  const { port } = server.address() as AddressInfo
  log.info(`latchkey edge listens on ${config.host}:${port}${config.grpcPort ? `, gRPC on ${config.grpcPort}` : ''}`)
  void verifier.ready({ timeoutMs: 2 ** 31 - 1 }).then(
    () => log.info('latchkey edge is ready: it has the keys and the list of revocations'),
    () => {},
  )
  closeWithGrace({ delay: config.shutdownDelayMs + 2 * CLOSE_TIMEOUT_MS, logger: log }, async ({ signal, err }) => {
    if (err) log.error(`latchkey edge stops: ${err.stack ?? err.message}`)
    else log.info(`${signal} stops latchkey edge`)
    isStopping = true
    if (signal === 'SIGTERM') await sleep(config.shutdownDelayMs)
    await Promise.all([closeServer(server), grpc?.close()])
    await verifier.close()
  })
}

function startVerifier(config: EdgeConfig, log: Log): Verifier {
  const { issuer, audience, baseUrl, client, name, maxStalenessSeconds } = config
  try {
    return createVerifier({
      issuer,
      client,
      maxStalenessSeconds,
      log,
      fetch: httpFetch,
      ...(audience !== undefined && { audience }),
      ...(baseUrl !== undefined && { baseUrl }),
      ...(name !== undefined && { name }),
    })
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    // The verifier names its options, which are called as our settings.
    const message = error.message
      .replace(/^createVerifier: the option /, '')
      .replaceAll('`issuer`', 'EDGE_ISSUER')
      .replaceAll('`baseUrl`', 'EDGE_BASE_URL')
      .replaceAll('`client.privateKey`', 'EDGE_CLIENT_KEY')
      .replaceAll('`client.assertionFile`', 'EDGE_CLIENT_ASSERTION_FILE')
    throw new ConfigError([`${message}.`])
  }
}

/** Loaded only if it is asked for, because of its memory. */
async function startGrpc(config: EdgeConfig, decide: Decide, isReady: () => boolean): Promise<GrpcEdge | undefined> {
  const { grpcPort: port, host, refreshCookie } = config
  if (port === undefined) return undefined
  const { startGrpcServer } = await import('./grpc/grpc-server.js')
  return startGrpcServer({ decide, refreshCookie, host, port, isReady })
}

async function listen(server: Server, { host, port }: EdgeConfig): Promise<void> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    const code = codeOf(error)
    const fix =
      code === 'EADDRINUSE'
        ? 'another process uses it: set EDGE_PORT to another port'
        : code === 'EACCES'
          ? 'this user may not: set EDGE_PORT to a port above 1023'
          : 'check EDGE_HOST and EDGE_PORT'
    throw new Error(`latchkey edge cannot listen on ${host}:${port} (${code}): ${fix}.`, { cause: error })
  }
}

/** Stops listening, and closes each connection with its next answer or when it is idle. */
async function closeServer(server: Server): Promise<void> {
  const closed = new Promise(resolve => server.close(resolve))
  const impatience = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS)
  await closed
  clearTimeout(impatience)
}
