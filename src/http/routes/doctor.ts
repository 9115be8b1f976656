import { createHmac } from 'node:crypto'
import { hostname } from 'node:os'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../../config/config.js'
import type { AuthContext } from '../../domain/context.js'
import { DOCTOR_HEADER, isDoctorTicket } from '../../domain/keys/doctor-ticket.js'
import type { Secrets } from '../../domain/keys/secrets.js'
import { inNetworks } from '../../lib/ip-address.js'
import { VERSION } from '../openapi/information.js'

/** What an instance says of itself and of the request that reached it. */
export interface DoctorReport {
  version: string
  instance: string
  /** Milliseconds since the epoch. */
  time_ms: number
  /** The same for instances with the same settings. */
  settings: string
  request: {
    /** The address that counts as the client's. */
    address: string
    /** The address of the connection: the last proxy, or the client itself. */
    connection: string
    connection_is_trusted: boolean
    forwarded_for: string | null
    host: string | null
  }
}

export interface DoctorOptions {
  context: Pick<AuthContext, 'config' | 'secrets' | 'clock'>
}

/** The cookie that shows whether the gateway changes cookies. */
export const DOCTOR_COOKIE = 'latchkey-doctor'

/**
 * GET /doctor: what `latchkey doctor` asks a running instance through its gateway. Without a ticket that was made with
 * the secrets of this deployment, the route does not exist.
 */
export async function doctorRoutes(app: FastifyInstance, { context }: DoctorOptions): Promise<void> {
  const { config, secrets, clock } = context
  const isTrusted = inNetworks(config.trustProxy)
  let settings: string | undefined
  const { secure, sameSite, path, domain } = config.cookie

  app.get('/doctor', { schema: { hide: true } }, async (request, reply): Promise<DoctorReport | undefined> => {
    const { headers, socket } = request
    if (!isDoctorTicket(secrets, headers[DOCTOR_HEADER]?.toString(), clock())) return void reply.callNotFound()
    const connection = socket.remoteAddress ?? ''
    settings ??= digestOf(config, secrets)
    reply.header('cache-control', 'no-store')
    reply.setCookie(DOCTOR_COOKIE, 'seen', {
      httpOnly: true,
      secure,
      sameSite,
      path,
      ...(domain !== undefined && { domain }),
      maxAge: 0,
    })
    return {
      version: VERSION,
      instance: `${hostname()}:${process.pid}`,
      time_ms: clock(),
      settings,
      request: {
        address: request.ip,
        connection,
        connection_is_trusted: isTrusted(connection),
        forwarded_for: headers['x-forwarded-for']?.toString() ?? null,
        host: headers.host ?? null,
      },
    }
  })
}

/** A keyed digest of the settings that must be the same for all instances. It reveals none of them. */
function digestOf(config: Config, { doctorKeys }: Pick<Secrets, 'doctorKeys'>): string {
  const { host, port, dataDir, logLevel, keepAliveTimeoutMs, ...shared } = config
  const text = JSON.stringify(shared)
  return createHmac('sha256', doctorKeys[0]).update(`settings ${text}`).digest('base64url').slice(0, 16)
}
