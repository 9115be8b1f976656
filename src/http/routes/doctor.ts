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
  /** A keyed digest of each setting that must be the same for all instances, by its variable. */
  settings: Record<string, string>
  request: {
    /** The address that counts as the client's. */
    address: string
    /** The address of the connection: the last proxy, or the client itself. */
    connection: string
    connection_port: number
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
  let settings: DoctorReport['settings'] | undefined
  const { secure, sameSite, path, domain } = config.cookie

  app.get('/doctor', { schema: { hide: true } }, async (request, reply): Promise<DoctorReport | undefined> => {
    const { headers, socket } = request
    if (!isDoctorTicket(secrets, headers[DOCTOR_HEADER]?.toString(), clock())) return void reply.callNotFound()
    const connection = socket.remoteAddress ?? ''
    settings ??= settingDigests(config, secrets)
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
        connection_port: socket.remotePort ?? 0,
        connection_is_trusted: isTrusted(connection),
        forwarded_for: headers['x-forwarded-for']?.toString() ?? null,
        host: headers.host ?? null,
      },
    }
  })
}

/** A keyed digest of each setting that all instances must share. It reveals none of them to others. */
export function settingDigests(config: Config, { doctorKeys }: Pick<Secrets, 'doctorKeys'>): Record<string, string> {
  const digest = (name: string, value: unknown) =>
    createHmac('sha256', doctorKeys[0])
      .update(`setting ${name} ${JSON.stringify(value ?? null)}`)
      .digest('base64url')
      .slice(0, 12)
  return Object.fromEntries(Object.entries(sharedSettings(config)).map(([name, value]) => [name, digest(name, value)]))
}

/** Without what can differ between machines: addresses, sizes of pools, ports, logs. */
function sharedSettings(config: Config): Record<string, unknown> {
  return {
    JWT_SECRET: config.jwtSecrets,
    JWT_REFRESH_SECRET: config.refreshSecrets,
    JWT_ISSUER: config.issuer,
    JWT_AUDIENCE: config.audience,
    JWT_ALGORITHM: config.algorithm,
    JWT_EXPIRES_IN: config.accessTokenTtlSeconds,
    JWT_REFRESH_EXPIRES_IN: config.refreshTokenTtlSeconds,
    PUBLIC_ORIGIN: config.publicOrigin,
    PUBLIC_PATH: config.publicPath,
    CORS_ORIGINS: config.corsOrigins,
    TRUST_PROXY: config.trustProxy,
    COOKIE: config.cookie,
    RATE_LIMIT: config.rateLimit,
    REDIS_KEY_PREFIX: config.redis.keyPrefix,
    NODE_ENV: config.nodeEnv,
  }
}
