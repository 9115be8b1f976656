import type { EventReceiver, EventReceivers } from '../../postgres/event-receivers.js'
import { OUTAGE_FAILURES } from './back-off.js'

export const LEASE_SECONDS = 30
const RENEW_MS = 10_000
/** How old a lease can be, with what is known of the receiver, when an event is sent: so a change is heeded this soon. */
const FRESH_MS = 1000
/** The instant of the last success is recorded this often, and not for each event. */
const RECORD_MS = 60_000

/** The right to send to a receiver, and what is known of it. */
export interface Lease {
  readonly receiverId: string
  /** As it is now; undefined if nothing more is sent to it: it was paused, disabled or removed, or the lease is lost. */
  readonly receiver: EventReceiver | undefined
  remainingMs(): number
  /** Renews it, and reads the receiver again, unless that was done a moment ago. */
  refresh(): Promise<void>
  /** Sends nothing more. */
  drop(): void
  /** Records that an attempt succeeded. */
  succeeded(): Promise<void>
  /** The next success is recorded at once. */
  failed(): void
  /** Releases it. False if Postgres did not answer: then it must be released again, or it ends by itself. */
  end(): Promise<boolean>
}

export interface LeaseOptions {
  eventReceivers: Pick<EventReceivers, 'renew' | 'release' | 'succeeded'>
  /** Names this instance; a UUID. */
  holder: string
  freshMs?: number | undefined
}

/**
 * Holds the lease of a receiver, and renews it until it ends.
 *
 * @param claimedAt before the receiver was claimed, by `performance.now()`
 */
export function holdLease(options: LeaseOptions, claimed: EventReceiver, claimedAt: number): Lease {
  const { eventReceivers, holder, freshMs = FRESH_MS } = options
  let receiver: EventReceiver | undefined = claimed
  let isDropped = false
  // When the statement was sent, so that it certainly ends here before it ends in Postgres.
  let renewedAt = claimedAt
  let recordedAt = Number.NEGATIVE_INFINITY
  let renewing: Promise<void> | undefined
  const renewal = setInterval(() => void renew().catch(() => {}), RENEW_MS).unref()

  async function renew(): Promise<void> {
    const startedAt = performance.now()
    const renewed = await eventReceivers.renew(claimed.id, holder, LEASE_SECONDS)
    renewedAt = startedAt
    receiver = isDropped ? undefined : renewed
  }

  return {
    receiverId: claimed.id,
    get receiver() {
      return receiver
    },
    remainingMs: () => renewedAt + LEASE_SECONDS * 1000 - performance.now(),
    async refresh() {
      if (performance.now() - renewedAt <= freshMs) return
      renewing ??= renew().finally(() => {
        renewing = undefined
      })
      await renewing
    },
    drop() {
      isDropped = true
      receiver = undefined
    },
    async succeeded() {
      if (performance.now() - recordedAt < RECORD_MS) return
      recordedAt = performance.now()
      await eventReceivers.succeeded(claimed.id, OUTAGE_FAILURES)
    },
    failed() {
      recordedAt = Number.NEGATIVE_INFINITY
    },
    async end() {
      clearInterval(renewal)
      return eventReceivers.release(claimed.id, holder).then(
        () => true,
        () => false,
      )
    },
  }
}
