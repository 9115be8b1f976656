import type { ConnectingVerifier } from './registry.js'

/** Where the verifiers of all instances are registered. */
export interface VerifierStore {
  /**
   * Registers connections. A verifier gets its new connection instead of the one it had, unless it belongs to another
   * client, or its client has too many live verifiers. Each verifier can be given only once.
   *
   * @returns an outcome for each connection, in their order
   */
  register(connections: readonly GivenConnection[], leaseSeconds: number): Promise<RegisteredConnection[]>
  /** Renews the leases of open connections. A lease that has ended is not renewed: meanwhile no receipt waited. */
  renew(connections: readonly OpenConnection[], leaseSeconds: number): Promise<RenewedConnection[]>
  /**
   * The connections have ended: their verifiers stay live until their bounds of staleness are over. Those without a list
   * are removed.
   */
  release(connections: readonly EndedConnection[], marginSeconds: number): Promise<void>
  /** Records what verifiers have applied, and which of them close. Each verifier can be given only once. */
  confirm(confirmations: readonly Confirmation[]): Promise<ConfirmationOutcome[]>
}

export interface OpenConnection {
  verifierId: string
  connectionId: string
}

export interface EndedConnection {
  connectionId: string
  /** Its verifier never had a list, by which it could accept a token. */
  hasNoList: boolean
}

export interface GivenConnection extends ConnectingVerifier {
  instance: string
  /** 0 for a new connection. One that was opened before replaces only older ones. */
  ageSeconds: number
}

export interface RegisteredConnection {
  /** The server that answered; see JournalPosition. */
  serverStart: string
  connectionId: string
  isRegistered: boolean
  hasClient: boolean
  /** Whether its client may have another live verifier; true if this one is live already. */
  hasPlace: boolean
  /** Its verifier was not known before. */
  isNew: boolean
}

export interface RenewedConnection {
  serverStart: string
  connectionId: string
  /** False if its verifier has another connection or has closed, if the lease has ended, or if the server does not know it. */
  isRenewed: boolean
  /** It has confirmed nothing for so long that its machine may have gone without closing the connection. */
  isSilent: boolean
}

export interface Confirmation {
  verifierId: string
  /** The client that confirms. */
  clientId: string
  /** The position of the last heartbeat whose entries are applied, in its two parts; null if there is none yet. */
  serverStart: string | null
  snapshot: string | null
  /** The verifier verifies no token from now on. */
  isClosing: boolean
}

/**
 * `unknown`: no such verifier is registered. `taken`: it belongs to another client. `impossible`: the server has not given
 * such a position.
 */
export type ConfirmationOutcome = 'accepted' | 'unknown' | 'taken' | 'impossible'

/** @param openedAtMs - when a connection was opened that is registered again (`performance.now()`) */
export function givenConnection(
  { verifierId, clientId, name, maxStalenessSeconds, connectionId }: ConnectingVerifier,
  instance: string,
  openedAtMs?: number,
): GivenConnection {
  const ageSeconds = openedAtMs === undefined ? 0 : Math.max(0.001, (performance.now() - openedAtMs) / 1000)
  return { verifierId, clientId, name, maxStalenessSeconds, connectionId, instance, ageSeconds }
}
