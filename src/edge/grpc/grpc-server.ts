import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js'
import { messageOf } from '../../lib/error-facts.js'
import type { Decide } from '../decide.js'
import { check } from './check.js'
import { type CheckRequest, type CheckResponse, EXT_AUTHZ, EXT_AUTHZ_NAME } from './ext-authz.js'
import { HEALTH_CHECK, healthCheckOf } from './health-check.js'

export interface GrpcOptions {
  readonly decide: Decide
  readonly refreshCookie: string
  readonly host: string
  readonly port: number
  /** As `GET /readyz` answers. */
  readonly isReady: () => boolean
}

/** Envoy can send the body of a request too, which is ignored. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024
const CLOSE_TIMEOUT_MS = 5_000

/**
 * Starts the server for Envoy's ext_authz over gRPC, and for gRPC health checks.
 *
 * @throws Error that says why it cannot listen
 */
export async function startGrpcServer({ decide, refreshCookie, host, port, isReady }: GrpcOptions) {
  const server = new Server({ 'grpc.max_receive_message_length': MAX_REQUEST_BYTES })
  server.addService(EXT_AUTHZ, {
    Check({ request }: ServerUnaryCall<CheckRequest, CheckResponse>, done: sendUnaryData<CheckResponse>) {
      check(request, decide, refreshCookie).then(
        answer => done(null, answer),
        // Envoy refuses the request then, unless it is configured otherwise.
        error => done(error),
      )
    },
  })
  server.addService(HEALTH_CHECK, healthCheckOf(EXT_AUTHZ_NAME, isReady))
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(address, ServerCredentials.createInsecure(), error =>
      error ? reject(explain(error, address)) : resolve(),
    ),
  )
  return { close: () => close(server) }
}

function explain(error: Error, address: string): Error {
  const fix = 'set EDGE_GRPC_PORT to a free port'
  return new Error(`latchkey edge cannot listen for gRPC on ${address}: ${messageOf(error)}; ${fix}.`, { cause: error })
}

/** Finishes open requests; Envoy opens its connection to another process. */
async function close(server: Server): Promise<void> {
  const impatience = setTimeout(() => server.forceShutdown(), CLOSE_TIMEOUT_MS)
  await new Promise(resolve => server.tryShutdown(resolve))
  clearTimeout(impatience)
}
