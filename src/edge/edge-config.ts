import { readFileSync } from 'node:fs'
import type { VerifierClient } from '@latchkey/verifier'
import { ConfigError } from '../config/config-error.js'
import { type Fields, isQuoted, quotationMarks, readSetting } from '../config/read-settings.js'
import { settingsIn } from '../config/setting.js'
import { edgeSettings } from '../config/settings/edge.js'
import type { Rules } from './rules.js'

type GivenEdgeConfig = Fields<typeof edgeSettings>

type ClientField = 'clientId' | 'clientSecret' | 'clientAssertionFile' | 'clientKey' | 'clientKeyId'

/** The settings of `latchkey edge`, with every default. */
export interface EdgeConfig extends Omit<GivenEdgeConfig, 'rules' | 'shutdownDelayMs' | ClientField> {
  /** How the edge proves who it is. */
  readonly client: VerifierClient
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
  const client = clientOf(config, problems)
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
  if (problems.length > 0 || client === undefined) throw new ConfigError(problems)
  const isKubernetes = Boolean(env.KUBERNETES_SERVICE_HOST)
  return { ...config, client, rules, shutdownDelayMs: config.shutdownDelayMs ?? (isKubernetes ? 5000 : 1000) }
}

/** The client needs exactly one proof. A file is read only when it is needed, because Kubernetes may not have written it. */
function clientOf(config: GivenEdgeConfig, problems: string[]): VerifierClient | undefined {
  const { clientId: id, clientSecret: secret, clientAssertionFile: assertionFile, clientKey, clientKeyId } = config
  const given = Object.entries({
    EDGE_CLIENT_SECRET: secret,
    EDGE_CLIENT_ASSERTION_FILE: assertionFile,
    EDGE_CLIENT_KEY: clientKey,
  }).filter(([, value]) => value !== undefined)
  const names = given.map(([name]) => name)
  if (given.length === 0)
    problems.push(
      'EDGE_CLIENT_SECRET is not set: set it to the secret of the client EDGE_CLIENT_ID, or EDGE_CLIENT_SECRET_FILE to a ' +
        'file with it; or set EDGE_CLIENT_ASSERTION_FILE or EDGE_CLIENT_KEY_FILE for a client without a secret.',
    )
  if (given.length > 1) problems.push(`${names.join(' and ')} are set: a client has one proof, so unset the others.`)
  if (clientKeyId !== undefined && clientKey === undefined)
    problems.push('EDGE_CLIENT_KEY_ID is set without EDGE_CLIENT_KEY: set the key too, or unset it.')
  if (given.length !== 1) return undefined
  if (secret !== undefined) return { id, secret }
  if (assertionFile !== undefined) return { id, assertionFile }
  const privateKey = clientKey!.startsWith('{') ? readJwk(clientKey!, problems) : clientKey
  if (privateKey === undefined) return undefined
  return { id, privateKey, ...(clientKeyId !== undefined && { keyId: clientKeyId }) }
}

function readJwk(text: string, problems: string[]): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    // The error of the parser can quote the key.
    problems.push('EDGE_CLIENT_KEY is neither PEM nor JSON: set it to the private key of the client.')
    return undefined
  }
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
