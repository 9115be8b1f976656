import { readFile } from 'node:fs/promises'
import type { CryptoKey, JWTHeaderParameters } from 'jose'
import { LRUCache } from 'lru-cache'
import type { KeySource } from '../lib/assertion-trust.js'
import { messageOf } from '../lib/error-facts.js'
import type { Log } from '../lib/log.js'
import type { TraceCall } from '../lib/trace-call.js'
import { type FetchOptions, fetchJson } from './fetch-json.js'
import { findKey, openKeySet, RemoteKeySet } from './remote-key-set.js'

/** The Kubernetes cluster in which this service runs. Only its issuer gets the token of the service. */
export interface OwnCluster {
  issuer: string | undefined
  tokenFile: string
  caFile: string
}

export interface IssuerKeysOptions {
  cluster: OwnCluster
  log: Log
  /** Monotonic milliseconds. */
  monotonic?: (() => number) | undefined
  /** Gets a JSON document; for tests that count. */
  fetch?: FetchDocument
  trace?: TraceCall | undefined
}

type FetchDocument = (address: string, options: FetchOptions) => Promise<unknown>

const MAX_SETS = 1000

/** The public keys that verify the assertions of clients. Clients with the same issuer share one set of keys. */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions
  readonly #sets = new LRUCache<string, RemoteKeySet>({ max: MAX_SETS })

  constructor(options: IssuerKeysOptions) {
    this.#options = options
  }

  /**
   * The key that a header names; undefined if the source has no such key.
   *
   * @throws LatchkeyError client_keys_unavailable
   */
  async find(source: KeySource, header: JWTHeaderParameters): Promise<CryptoKey | undefined> {
    if ('jwks' in source) return findKey(openKeySet(source.jwks), header)
    const name = JSON.stringify(source)
    const set = this.#sets.get(name) ?? this.#open(source)
    this.#sets.set(name, set)
    return set.find(header)
  }

  #open(source: Exclude<KeySource, { jwks: unknown }>): RemoteKeySet {
    const { log, monotonic = () => performance.now(), trace } = this.#options
    const { fetch = (address, access) => fetchJson(address, access, trace) } = this.#options
    const { ca } = source
    if ('issuer' in source) this.#warnOfAnotherSlash(source.issuer)
    const read =
      'jwksUri' in source
        ? () => fetch(source.jwksUri, { ca })
        : async () => readDiscovered(source.issuer, await this.#accessTo(source.issuer, ca), fetch)
    return new RemoteKeySet({ name: 'jwksUri' in source ? source.jwksUri : source.issuer, read, log, monotonic })
  }

  /** Warns in the log if the service cannot read the files for its own cluster: no assertion has arrived yet at start. */
  async checkFiles(): Promise<void> {
    const { cluster, log } = this.#options
    if (cluster.issuer === undefined) return
    const files = { KUBERNETES_TOKEN_FILE: cluster.tokenFile, KUBERNETES_CA_FILE: cluster.caFile }
    for (const [variable, file] of Object.entries(files))
      await readFile(file).catch(error =>
        log.warn(
          `${variable}: ${file} cannot be read (${messageOf(error)}), so the keys of KUBERNETES_ISSUER cannot be read: ` +
            'mount the service account of the pod (automountServiceAccountToken), or unset KUBERNETES_ISSUER.',
        ),
      )
  }

  /** Issuers are compared as a whole, as RFC 7519 says. */
  #warnOfAnotherSlash(issuer: string): void {
    const { cluster, log } = this.#options
    if (cluster.issuer === undefined || issuer === cluster.issuer) return
    if (issuer.replace(/\/$/, '') === cluster.issuer.replace(/\/$/, ''))
      log.warn(
        `KUBERNETES_ISSUER is ${cluster.issuer}, but a client has the issuer ${issuer}. They differ in the final slash, ` +
          'so Latchkey does not use its service account for it: set both to the claim iss of the tokens.',
      )
  }

  /** Both files are read each time, because Kubernetes replaces them. */
  async #accessTo(issuer: string, ca: string | undefined): Promise<FetchOptions> {
    const { cluster } = this.#options
    if (issuer !== cluster.issuer) return { ca }
    const [bearer, ownCa] = await Promise.all([readFile(cluster.tokenFile, 'utf8'), readFile(cluster.caFile, 'utf8')])
    return { ca: ownCa, bearer: bearer.trim() }
  }
}

/** Reads the issuer's keys by its metadata (OpenID Connect Discovery 1.0, 4). */
async function readDiscovered(issuer: string, access: FetchOptions, fetch: FetchDocument): Promise<unknown> {
  const metadata = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, access)
  const { issuer: named, jwks_uri: address } = (metadata ?? {}) as { issuer?: unknown; jwks_uri?: unknown }
  if (named !== issuer) throw new Error('the metadata names another issuer')
  if (typeof address !== 'string') throw new Error('the metadata has no jwks_uri')
  // Whoever changes an answer without TLS, or owns a port of this machine, could sign as the issuer.
  if (isHttps(issuer) && !isHttps(address)) throw new Error('the metadata names a jwks_uri without https')
  // The address of a cluster's keys is often that of its API server: a CA of the cluster's own shows that it belongs to it.
  return fetch(address, access)
}

function isHttps(address: string): boolean {
  return URL.canParse(address) && new URL(address).protocol === 'https:'
}
