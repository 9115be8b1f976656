import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Mode } from './choose-mode.js'
import type { GivenConfig, Values } from './read-settings.js'
import { withPassword } from './store-url.js'

/** Fields that depend on several settings, or on the machine. */
export interface DerivedConfig {
  readonly mode: Mode
  readonly host: string
  /** Undefined without METRICS_PORT. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined
  readonly publicOrigin: string
  /** PUBLIC_ORIGIN followed by PUBLIC_PATH: every public address of the service begins with it. */
  readonly publicUrl: string
  readonly issuer: string
  readonly audience: string
  readonly database: GivenConfig['database']
  readonly redis: Omit<GivenConfig['redis'], 'sentinel'> & { readonly sentinel: Sentinel | undefined }
  readonly cookie: Cookie
  readonly hash: { readonly concurrency: number; readonly queue: number }
  readonly shutdownDelayMs: number
  readonly deliveryAllowedNetworks: readonly string[]
  readonly accountUrl: string
}

type Sentinel = GivenConfig['redis']['sentinel'] & { readonly master: string }

type Cookie = Omit<GivenConfig['cookie'], 'insecure'> & {
  readonly accessName: string
  readonly deviceName: string
  readonly ticketName: string
  readonly secure: boolean
}

export function derive(given: GivenConfig, values: Values, mode: Mode, isKubernetes: boolean): DerivedConfig {
  const publicOrigin = publicOriginOf(values)
  const issuer = issuerOf(values)
  const { sentinel } = given.redis
  const host = given.host ?? (given.nodeEnv === 'production' ? '0.0.0.0' : '127.0.0.1')
  const { port: metricsPort, host: metricsHost = host } = given.metrics
  return {
    mode,
    host,
    metrics: metricsPort === undefined ? undefined : { host: metricsHost, port: metricsPort },
    publicOrigin,
    publicUrl: publicOrigin + given.publicPath,
    issuer,
    audience: given.audience ?? issuer,
    database: databaseOf(given.database),
    redis: {
      ...given.redis,
      url: given.redis.url && withPassword(given.redis.url, given.redis.password),
      sentinel: hasMaster(sentinel) ? sentinel : undefined,
    },
    cookie: cookieOf(given.cookie),
    hash: { ...given.hash, concurrency: given.hash.concurrency ?? availableCores() },
    deliveryAllowedNetworks: given.deliveryAllowedNetworks ?? (mode === 'embedded' ? LOOPBACK : []),
    accountUrl: given.accountUrl ?? `${publicOrigin}${given.publicPath}/account`,
    shutdownDelayMs: given.shutdownDelayMs ?? (isKubernetes ? 5000 : 1000),
  }
}

/** A developer's receiver is on the same machine. */
const LOOPBACK = ['127.0.0.0/8', '::1/128']

export function issuerOf(values: Pick<Values, 'JWT_ISSUER' | 'PUBLIC_ORIGIN' | 'PUBLIC_PATH' | 'PORT'>): string {
  return values.JWT_ISSUER ?? publicOriginOf(values) + values.PUBLIC_PATH
}

function publicOriginOf({ PUBLIC_ORIGIN, PORT }: Pick<Values, 'PUBLIC_ORIGIN' | 'PORT'>): string {
  return PUBLIC_ORIGIN ?? new URL(`http://localhost:${PORT}`).origin
}

function databaseOf(given: GivenConfig['database']): GivenConfig['database'] {
  const url = given.url && withPassword(given.url, given.password)
  const migrationUrl = given.migrationUrl && withPassword(given.migrationUrl, given.migrationPassword)
  return { ...given, url, migrationUrl: migrationUrl ?? url }
}

function hasMaster(sentinel: GivenConfig['redis']['sentinel']): sentinel is Sentinel {
  return sentinel.master !== undefined
}

/** Browsers enforce the prefixes: `__Host-` allows no domain and only the path /, and both prefixes require Secure. */
function cookieOf({ insecure, ...given }: GivenConfig['cookie']): Cookie {
  const isHostOnly = given.domain === undefined && given.path === '/'
  const name = `${insecure ? '' : isHostOnly ? '__Host-' : '__Secure-'}${given.name}`
  return {
    ...given,
    name,
    accessName: `${name}-at`,
    deviceName: `${name}-device`,
    ticketName: `${name}-ticket`,
    secure: !insecure,
  }
}

/**
 * The number of cores this process can use, at least 1: those of the machine, or fewer if a container has a quota. Node
 * does not read quotas, and one hash per core of a 64-core machine would overload a container with two cores.
 *
 * @param read reads a file; throws if it does not exist
 * @param machineCores the number of cores of the machine
 */
export function availableCores(
  read: (path: string) => string = path => readFileSync(path, 'utf8'),
  machineCores: number = availableParallelism(),
): number {
  const quota = cgroup2Cores(read) ?? cgroup1Cores(read) ?? machineCores
  return Math.max(1, Math.min(machineCores, Math.floor(quota)))
}

/** `cpu.max` contains quota and period in microseconds, or `max` as the quota if there is none. */
function cgroup2Cores(read: (path: string) => string): number | undefined {
  const [quota, period] = (readIfPresent(read, '/sys/fs/cgroup/cpu.max') ?? '').trim().split(' ')
  return coresOf(quota, period)
}

/** A quota of -1 means none. */
function cgroup1Cores(read: (path: string) => string): number | undefined {
  const quota = readIfPresent(read, '/sys/fs/cgroup/cpu/cpu.cfs_quota_us')?.trim()
  const period = readIfPresent(read, '/sys/fs/cgroup/cpu/cpu.cfs_period_us')?.trim()
  return coresOf(quota, period)
}

function coresOf(quota: string | undefined, period: string | undefined): number | undefined {
  const cores = Number(quota) / Number(period)
  return Number.isFinite(cores) && cores > 0 ? cores : undefined
}

function readIfPresent(read: (path: string) => string, path: string): string | undefined {
  try {
    return read(path)
  } catch {
    return undefined
  }
}
