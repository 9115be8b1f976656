import { readFileSync } from 'node:fs'
import { ConfigError } from '../config/config-error.js'
import { type Fields, isQuoted, quotationMarks, readSetting } from '../config/read-settings.js'
import { settingsIn } from '../config/setting.js'
import { edgeSettings } from '../config/settings/edge.js'
import type { Rules } from './rules.js'

type GivenEdgeConfig = Fields<typeof edgeSettings>

/** The settings of `latchkey edge`, with every default. */
export interface EdgeConfig extends Omit<GivenEdgeConfig, 'rules' | 'shutdownDelayMs'> {
  /** Undefined: every request needs a valid token. */
  readonly rules: Rules | undefined
  readonly shutdownDelayMs: number
}

/**
 * Reads and checks every setting, and the file of rules.
 *
 * @throws ConfigError that lists every error
 */
export async function readEdgeConfig(given: NodeJS.ProcessEnv): Promise<EdgeConfig> {
  const env = withoutServiceLinks(given)
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  const quoted: string[] = []
  for (const [field, setting] of Object.entries(edgeSettings)) {
    const { value, problem } = readSetting(env, setting)
    values[field] = value
    if (field !== 'rules' && isQuoted(env, setting.variable)) quoted.push(setting.variable)
    else if (problem !== undefined) problems.push(problem)
  }
  if (quoted.length > 0) problems.unshift(quotationMarks(quoted))
  const config = values as unknown as GivenEdgeConfig
  const rules = config.rules === undefined ? undefined : await readRulesOf(env, config.rules, problems)
  if (config.gateway === undefined) problems.push(...problemsWithoutGateway(config))
  if (config.accessCookie !== undefined && config.accessCookie === config.refreshCookie)
    problems.push(
      `EDGE_ACCESS_COOKIE is the name of the refresh cookie: set the name of the access cookie, ${config.refreshCookie}-at.`,
    )
  if (config.grpcPort !== undefined && config.grpcPort === config.port)
    problems.push('EDGE_GRPC_PORT and EDGE_PORT are the same: choose two ports.')
  if (!/^https?:\/\//.test(config.baseUrl ?? config.issuer ?? 'https://'))
    problems.push(
      'EDGE_BASE_URL is not set, and EDGE_ISSUER is no URL: set the address at which the edge reaches Latchkey.',
    )
  if (problems.length > 0) throw new ConfigError(problems)
  const isKubernetes = Boolean(env.KUBERNETES_SERVICE_HOST)
  return { ...config, rules, shutdownDelayMs: config.shutdownDelayMs ?? (isKubernetes ? 5000 : 1000) }
}

/** Over gRPC, Envoy always says the client's path and method. */
function problemsWithoutGateway({ rules, accessCookie, grpcPort }: GivenEdgeConfig): string[] {
  const reason = accessCookie !== undefined ? 'EDGE_ACCESS_COOKIE' : rules !== undefined ? 'EDGE_RULES' : undefined
  if (reason === undefined || grpcPort !== undefined) return []
  return [
    `EDGE_GATEWAY is not set: with ${reason}, the edge must know in which headers the gateway sends the client's path ` +
      'and method. Set nginx, haproxy, caddy, traefik or envoy.',
  ]
}

async function readRulesOf(env: NodeJS.ProcessEnv, text: string, problems: string[]): Promise<Rules | undefined> {
  const file = env.EDGE_RULES_FILE?.trim() || undefined
  // Loaded only if there are rules, because of its memory.
  const { readRules } = await import('./read-rules.js')
  // The setting was trimmed, which would change the numbers of the lines.
  const read = readRules(file === undefined ? text : readFileSync(file, 'utf8'))
  const name = file ?? 'EDGE_RULES'
  problems.push(...read.problems.map(problem => `${name}, ${problem}`))
  return read.rules
}

/** In Kubernetes, a Service that is called `edge` sets EDGE_PORT to an address for every pod of its namespace. */
function withoutServiceLinks(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = settingsIn(edgeSettings).map(({ variable }) => variable)
  const links = names.filter(name => name.endsWith('_PORT') && env[name]?.startsWith('tcp://'))
  return { ...env, ...Object.fromEntries(links.map(name => [name, undefined])) }
}
