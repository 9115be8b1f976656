/** The place of one follower. */
export interface Place {
  /** From now on the place can be given to another follower: `end` must end the connection and leave the place. */
  occupy(end: () => void): void
  leave(): void
}

/** The followers of one client, oldest first: what ends each of them, undefined while it is admitted. */
interface Followers {
  observers: Map<Place, (() => void) | undefined>
  verifiers: Map<Place, (() => void) | undefined>
}

/**
 * The places of an instance. One client can use all of them, but not keep others out: if no place is free, the client
 * with the most followers gives one to a client with fewer, its observers first. Within a client, observers give way to
 * verifiers, because a verifier that cannot follow refuses every token in the end.
 */
export class Places {
  readonly #most: number
  readonly #clients = new Map<string, Followers>()
  #taken = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Undefined if no place is free, and none becomes free for this client. */
  take(clientId: string, isVerifier: boolean): Place | undefined {
    if (this.#taken >= this.#most) this.#findGiver(clientId, isVerifier)?.()
    if (this.#taken >= this.#most) return undefined
    const client = this.#clients.get(clientId) ?? { observers: new Map(), verifiers: new Map() }
    this.#clients.set(clientId, client)
    const followers = isVerifier ? client.verifiers : client.observers
    const place: Place = {
      occupy: end => {
        if (followers.has(place)) followers.set(place, end)
      },
      leave: () => {
        if (!followers.delete(place)) return
        this.#taken--
        if (countOf(client) === 0) this.#clients.delete(clientId)
      },
    }
    followers.set(place, undefined)
    this.#taken++
    return place
  }

  /** What ends the follower that gives way. */
  #findGiver(clientId: string, isVerifier: boolean): (() => void) | undefined {
    const own = this.#clients.get(clientId)
    let largest: Followers | undefined
    for (const client of this.#clients.values()) if (!largest || countOf(client) > countOf(largest)) largest = client
    // Equal after the change, at least: otherwise two clients would take places from each other without end.
    if (largest && countOf(largest) > (own ? countOf(own) : 0) + 1)
      return newest(largest.observers) ?? newest(largest.verifiers)
    return isVerifier && own ? newest(own.observers) : undefined
  }
}

function countOf({ observers, verifiers }: Followers): number {
  return observers.size + verifiers.size
}

/** The last one that is connected: the others have been served for longer. */
function newest(followers: Followers['observers']): (() => void) | undefined {
  return [...followers.values()].findLast(end => end !== undefined)
}
