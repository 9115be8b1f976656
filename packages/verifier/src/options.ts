import { hostname } from 'node:os'
import { ANYTHING, checkOptions, type OptionRule, refuseOption } from './check-options.js'
import { CLAIMS_NAMESPACE } from './core/principal.js'
import type { ClientCredentials } from './feed/client-credentials.js'
import { readSigningKey } from './feed/signing-key.js'
import type { VerifierLog, VerifierOptions } from './types.js'

/** The checked options of a verifier, with every default. */
export interface VerifierSettings {
  issuer: string
  audience: string
  claimsNamespace: string
  /** Without a slash at the end. */
  baseUrl: string
  client: ClientCredentials | undefined
  name: string
  maxStalenessSeconds: number
  clockToleranceSeconds: number
  cacheSize: number
  reportActivity: boolean
  fetch: typeof fetch
  log: VerifierLog
}

/**
 * Checks every option at once, so that a mistake is found at the start and not at the first token.
 *
 * @throws TypeError that names the option
 */
export function readOptions(options: VerifierOptions): VerifierSettings {
  checkOptions('createVerifier', options, KNOWN)
  const { issuer, audience = issuer, baseUrl, client, name, reportActivity = true, log } = options
  const { claimsNamespace = CLAIMS_NAMESPACE } = options
  if (!isText(issuer, 1000))
    refuse('issuer', 'must be a text: the claim `iss` of the tokens, for example https://auth.example.com')
  if (!isText(audience, 1000)) refuse('audience', 'must be a text: the claim `aud` of the tokens')
  if (!isText(claimsNamespace, 200)) refuse('claimsNamespace', 'must be a text: the JWT_CLAIMS_NAMESPACE of Latchkey')
  if (name !== undefined && (typeof name !== 'string' || !/^[A-Za-z0-9_.:-]{1,64}$/.test(name)))
    refuse('name', 'must be 1 to 64 characters from A-Z, a-z, 0-9, _ . : -')
  if (typeof reportActivity !== 'boolean') refuse('reportActivity', 'must be true or false')
  const { fetch = globalThis.fetch } = options
  if (typeof fetch !== 'function') refuse('fetch', 'must be a function like the global fetch')
  return {
    issuer,
    audience,
    claimsNamespace,
    baseUrl: readBaseUrl(issuer, baseUrl),
    client: client === undefined ? undefined : readClient(client),
    name: name ?? defaultName(),
    maxStalenessSeconds: readNumber(options, 'maxStalenessSeconds', 60, 5, 3600),
    clockToleranceSeconds: readNumber(options, 'clockToleranceSeconds', 5, 0, 30),
    cacheSize: readNumber(options, 'cacheSize', 10_000, 1, 10_000_000),
    reportActivity,
    fetch,
    log: log === undefined ? consoleLog : readLog(log),
  }
}

/** Their values are checked below, because some depend on others. */
const KNOWN: Record<keyof VerifierOptions, OptionRule> = {
  issuer: ANYTHING,
  audience: ANYTHING,
  claimsNamespace: ANYTHING,
  baseUrl: ANYTHING,
  client: ANYTHING,
  name: ANYTHING,
  maxStalenessSeconds: ANYTHING,
  clockToleranceSeconds: ANYTHING,
  cacheSize: ANYTHING,
  reportActivity: ANYTHING,
  fetch: ANYTHING,
  log: ANYTHING,
}

function refuse(option: string, problem: string): never {
  return refuseOption('createVerifier', option, problem)
}

function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value !== '' && value.length <= maxLength
}

function readBaseUrl(issuer: string, baseUrl: unknown): string {
  const option = baseUrl === undefined ? 'issuer' : 'baseUrl'
  const value = baseUrl ?? issuer
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    refuse(
      option,
      option === 'issuer'
        ? 'is no http(s) URL, so the option `baseUrl` is required: where Latchkey is reached from here'
        : 'must be an http(s) URL: where Latchkey is reached from here, for example http://latchkey:3000',
    )
  if (url.username !== '' || url.password !== '') refuse(option, 'must not contain a password: use the option `client`')
  if (url.search !== '' || url.hash !== '') refuse(option, 'must be a URL without `?` and `#`')
  return url.href.replace(/\/+$/, '')
}

const WAYS = ['secret', 'assertion', 'assertionFile', 'privateKey'] as const

function readClient(client: unknown): ClientCredentials {
  const given = (typeof client === 'object' && client !== null ? client : {}) as Record<string, unknown>
  const { id, secret, assertion, assertionFile, privateKey, keyId } = given
  for (const name of Object.keys(given))
    if (!['id', 'keyId', ...WAYS].includes(name)) refuse(`client.${name}`, 'is not known')
  if (!isText(id, 200)) refuse('client.id', 'must be the id of a client with the scope `revocations`')
  const [way = 'secret', another] = WAYS.filter(name => given[name] !== undefined)
  if (another !== undefined) refuse(`client.${another}`, `cannot be given together with client.${way}`)
  if (keyId !== undefined && (way !== 'privateKey' || !isText(keyId, 200)))
    refuse('client.keyId', 'must be the `kid` of client.privateKey')
  if (way === 'assertion') {
    if (typeof assertion !== 'function') refuse('client.assertion', 'must be a function that returns an assertion')
    return { id, assertion: assertion as () => string | Promise<string> }
  }
  if (way === 'assertionFile') {
    if (!isText(assertionFile, 1000)) refuse('client.assertionFile', 'must be the path of a file with an assertion')
    return { id, assertionFile }
  }
  if (way === 'privateKey') {
    const key = readSigningKey(privateKey, keyId as string | undefined)
    if (!key)
      refuse(
        'client.privateKey',
        'must be a private key of EC, Ed25519 or RSA: a PEM, a JWK (whose alg is one of its type) or a KeyObject',
      )
    return { id, privateKey: key }
  }
  if (!isText(secret, 1000)) refuse('client.secret', 'must be the secret of the client')
  return { id, secret }
}

function readNumber(
  options: VerifierOptions,
  option: 'maxStalenessSeconds' | 'clockToleranceSeconds' | 'cacheSize',
  byDefault: number,
  least: number,
  most: number,
): number {
  const value = options[option] ?? byDefault
  if (!Number.isInteger(value) || value < least || value > most)
    refuse(option, `must be a whole number from ${least} to ${most}`)
  return value
}

function defaultName(): string {
  return (
    hostname()
      .replaceAll(/[^A-Za-z0-9_.:-]/g, '-')
      .slice(0, 64) || 'verifier'
  )
}

function readLog(log: VerifierLog): VerifierLog {
  for (const level of ['info', 'warn', 'error'] as const)
    if (typeof log?.[level] !== 'function') refuse('log', 'must have the functions `info`, `warn` and `error`')
  return log
}

/** What an operator must know is never lost, and a verifier that works writes nothing. */
const consoleLog: VerifierLog = {
  info: () => {},
  // biome-ignore lint/suspicious/noConsole: a service that gives no log must still learn of problems
  warn: message => console.warn(`latchkey verifier: ${message}`),
  // biome-ignore lint/suspicious/noConsole: as above
  error: message => console.error(`latchkey verifier: ${message}`),
}
