import { LatchkeyError } from '../../lib/errors.js'
import { newId } from '../../lib/ids.js'
import { returnWindowMs } from './pace.js'
import { Places } from './places.js'
import type { VerifierRegistry } from './registry.js'

/** A request to follow the feed. */
export interface FollowRequest<Client> {
  client: Client
  /** Undefined for an observer, which no receipt waits for. */
  verifier: { id: string; name: string } | undefined
  maxStalenessSeconds: number
  /** The header `Last-Event-ID`. */
  lastEventId: string | undefined
}

/** A follower that was admitted, and has a place in the feed. */
export interface Admitted {
  connectionId: string
  /** The journal was read after this (`performance.now()`), for a verifier that was registered then. */
  completeSinceMs: number
  /** The follower is connected. `end` ends its connection, if its place is needed for another one. */
  connected(end: () => void): void
  /**
   * The place is free again.
   *
   * @param hasList - whether the follower may have been sent the whole list
   */
  leave(hasList: boolean): void
}

export interface AdmissionOptions {
  registry: VerifierRegistry
  maxFollowers: number
  /** Resolves after a read of the journal that began after the call, whether or not it succeeded. */
  readJournal(): Promise<void>
  /** When the last successful read of the journal began (`performance.now()`). */
  readAtMs(): number
}

/** Gives places to followers, and registers verifiers. */
export class Admissions<Client extends { clientId: string }> {
  readonly #options: AdmissionOptions
  /** Verifiers that are being registered. */
  readonly #registering = new Set<string>()
  readonly #places: Places

  constructor(options: AdmissionOptions) {
    this.#options = options
    this.#places = new Places(options.maxFollowers)
  }

  /**
   * A verifier is registered before its snapshot begins, and the journal is read in between: so everything that was
   * committed before the registration is in the snapshot, and receipts wait for the rest.
   *
   * @throws LatchkeyError too_many_followers, verifier_id_taken, busy, store_unavailable
   */
  async admit(request: FollowRequest<Client>): Promise<Admitted> {
    const { registry } = this.#options
    const { client, verifier } = request
    // Of two connections at once, nobody could say which one the registration belongs to.
    if (verifier && this.#registering.has(verifier.id)) throw new LatchkeyError('busy', { retryAfterSeconds: 1 })
    const place = this.#places.take(client.clientId, verifier !== undefined)
    if (place === undefined) throw this.#tooMany(request)
    const connectionId = newId()
    const connected = (end: () => void) => place.occupy(end)
    if (!verifier)
      return { connectionId, completeSinceMs: Number.NEGATIVE_INFINITY, connected, leave: () => place.leave() }

    const leave = once(hasList => {
      place.leave()
      // One that has an id has an older list, and can verify by it.
      registry.release(connectionId, hasList || request.lastEventId !== undefined)
    })
    this.#registering.add(verifier.id)
    try {
      const completeSinceMs = await this.#register(request, verifier, connectionId)
      return { connectionId, completeSinceMs, connected, leave }
    } catch (error) {
      leave(false)
      throw error
    } finally {
      this.#registering.delete(verifier.id)
    }
  }

  async #register(
    { client: { clientId }, maxStalenessSeconds }: FollowRequest<Client>,
    { id: verifierId, name }: { id: string; name: string },
    connectionId: string,
  ): Promise<number> {
    const { registry, readJournal, readAtMs } = this.#options
    const given = { verifierId, clientId, name, maxStalenessSeconds, connectionId }
    const outcome = await registry.register(given)
    if (outcome === 'taken') throw new LatchkeyError('verifier_id_taken')
    if (outcome === 'full') {
      const detail = 'This client has as many live verifiers as a client may have.'
      throw new LatchkeyError('too_many_followers', { detail, retryAfterSeconds: 10 })
    }
    const registeredAtMs = performance.now()
    await readJournal()
    if (readAtMs() < registeredAtMs) throw new LatchkeyError('store_unavailable', { retryAfterSeconds: 1 })
    return registeredAtMs
  }

  #tooMany({ maxStalenessSeconds }: FollowRequest<Client>): LatchkeyError {
    const { maxFollowers } = this.#options
    const detail = `This instance has no place for another follower: FEED_MAX_FOLLOWERS is ${maxFollowers}.`
    const windowSeconds = returnWindowMs(maxFollowers, maxStalenessSeconds) / 1000
    return new LatchkeyError('too_many_followers', { detail, retryAfterSeconds: Math.random() * windowSeconds })
  }
}

function once(work: (hasList: boolean) => void): (hasList: boolean) => void {
  let isDone = false
  return hasList => {
    if (!isDone) work(hasList)
    isDone = true
  }
}
