import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pLimit, { type LimitFunction } from 'p-limit'
import { createFailureLog, type Log } from '../../lib/log.js'
import { deliveryAttempts } from '../../lib/measurements.js'
import { withJitter } from '../../lib/periodic.js'
import { createTickBatches } from '../../lib/tick-batches.js'
import type { Deliveries, Delivery } from '../../postgres/deliveries.js'
import type { EventReceiver, EventReceivers, ReceiverKind } from '../../postgres/event-receivers.js'
import {
  DISABLE_SECONDS,
  GIVE_UP_SECONDS,
  LEAST_ATTEMPTS,
  OUTAGE_FAILURES,
  outagePause,
  pauseAfter,
} from './back-off.js'
import { holdLease, LEASE_SECONDS, type Lease } from './lease.js'
import type { Attempt, Sender } from './sender.js'

export interface Dispatcher {
  /** Looks for events that are due at once, not only at the next turn. */
  wake(): void
  /** Sends everything that is due now. For tests: `wake` and the turns do the same in the background. */
  runNow(): Promise<void>
  /** Stops. What is being sent has two seconds to end; what has not ended is sent again, by any instance. */
  close(): Promise<void>
}

export interface DispatcherOptions {
  db: {
    deliveries: Pick<
      Deliveries,
      'due' | 'waitForEarlier' | 'nextInLane' | 'complete' | 'completeRetried' | 'postpone' | 'abandon'
    >
    eventReceivers: Pick<EventReceivers, 'claim' | 'renew' | 'release' | 'succeeded' | 'failed' | 'pause'>
  }
  senders: Readonly<Record<ReceiverKind, Sender>>
  /** Disables a receiver that wants no further events, or has failed for too long. The signal ends what it still sends. */
  disable(receiver: EventReceiver, reason: string, signal: AbortSignal): Promise<unknown>
  /** Names this instance in its leases; a UUID. */
  holder: string
  log: Log
  /** How often it looks for events of other instances, and for those whose time to be tried again has come. */
  everyMs?: number
  /** For tests: how long the events of one lane are sent before other lanes get their turn. */
  laneTurnMs?: number
  /** For tests: how old what is known of a receiver can be. */
  freshMs?: number
}

const EVERY_MS = 1000
/** Every sign-in wakes it: so those of this time are sent together, with few statements. */
const WAKE_MS = 200
/** For so long after the last event a lease is kept: to take and to release it costs more than to send an event. */
const HOLD_MS = 1000
/** How often the holder of a lease looks meanwhile for events that other instances wrote. */
const POLL_MS = 250
const MOST_COMPLETED_TOGETHER = 50
/** For so long an event that has arrived waits for others, so that one statement records them. */
const COMPLETE_MS = 20
/** An attempt takes less than this, so it ends before another instance can take the lease. */
const LEAST_LEASE_MS = 15_000
/** How many events are sent to a receiver at the same time. */
const CONCURRENCY = 8
const BATCH_SIZE = 200
/** Then other lanes get their turn. Without it, a slow receiver and one busy user would keep all others waiting. */
const LANE_TURN_MS = 2000
const CLOSE_TIMEOUT_MS = 2000
const NOT_COUNTED = { failures: 0, failingForSeconds: 0 }
const EVENT_DELETED = 'the event was deleted, because the time of EVENT_RETENTION is over'

/**
 * Sends the events that wait (docs/adr/0028-the-outbox.md). Each receiver is served by one instance at a time, which has
 * its lease; different receivers are served at the same time, so a slow one delays only itself. The events of one lane
 * are sent one after another: the next one when the receiver has the one before, or when that was given up.
 */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { db, senders, disable, holder, log, everyMs = EVERY_MS, laneTurnMs = LANE_TURN_MS, freshMs } = options
  const failures = createFailureLog(log)
  const stopping = new AbortController()
  // Each request that is on its way listens to it.
  setMaxListeners(0, stopping.signal)
  const working = new Map<string, Promise<void>>()
  /** Receivers whose lease could not be released, because Postgres did not answer. */
  const unreleased = new Set<string>()
  let isClosed = false
  let turn: Promise<void> | undefined
  let isWanted = false
  const holding = new Set<() => void>()
  let isDraining = false
  /** How many events are being sent, or wait for their turn to be sent. */
  let unsent = 0
  /** Many events arrive at nearly the same moment, and a statement for each would cost more than to send it. */
  const complete = createTickBatches<Delivery, boolean>({
    keyOf: ({ id }) => id,
    maxItems: MOST_COMPLETED_TOGETHER,
    waitMs: COMPLETE_MS,
    async work(done) {
      const withLater = await db.deliveries.complete(done.map(({ id }) => id))
      return done.map(({ id }) => withLater.has(id))
    },
  })
  let wakeTimer: NodeJS.Timeout | undefined
  let timer = schedule()

  function schedule(): NodeJS.Timeout {
    return setTimeout(async () => {
      await takeTurn()
      if (!isClosed) timer = schedule()
    }, withJitter(everyMs)).unref()
  }

  /** One turn at a time; what is wanted during a turn is done by one more. */
  async function takeTurn(): Promise<void> {
    isWanted = true
    endHolding()
    turn ??= (async () => {
      while (isWanted && !isClosed) {
        isWanted = false
        await claimAll()
      }
    })().finally(() => {
      turn = undefined
    })
    await turn
  }

  async function claimAll(): Promise<void> {
    try {
      for (const id of unreleased) {
        if (!working.has(id)) await db.eventReceivers.release(id, holder)
        unreleased.delete(id)
      }
      for (;;) {
        const askedAt = performance.now()
        const receiver = isClosed ? undefined : await db.eventReceivers.claim(holder, LEASE_SECONDS)
        if (!receiver) break
        // The clock of Postgres was set, so that a lease of this instance has ended early.
        if (working.has(receiver.id)) continue
        const work = serve(receiver, askedAt).finally(() => working.delete(receiver.id))
        working.set(receiver.id, work)
      }
      failures.succeeded('look for events to deliver')
    } catch (error) {
      failures.failed('look for events to deliver', error)
    }
  }

  /** Resolves at the next turn of this instance, and soon in any case. */
  function nextTurn(): Promise<void> {
    return new Promise(resolve => {
      const end = () => {
        clearTimeout(limit)
        holding.delete(end)
        resolve()
      }
      const limit = setTimeout(end, POLL_MS).unref()
      holding.add(end)
    })
  }

  function endHolding(): void {
    for (const end of holding) end()
  }

  /**
   * Sends to one receiver until nothing has been due for a moment.
   *
   * @param claimedAt before it was claimed
   */
  async function serve(claimed: EventReceiver, claimedAt: number): Promise<void> {
    const lease = holdLease({ eventReceivers: db.eventReceivers, holder, freshMs }, claimed, claimedAt)
    let sentAt: number | undefined
    try {
      while (lease.receiver && !isClosed) {
        // A receiver that fails is asked with one event whether it works again.
        const limit = lease.receiver.failures >= OUTAGE_FAILURES ? 1 : BATCH_SIZE
        const due = await db.deliveries.due(claimed.id, limit)
        if (due.length === 0) {
          // Then each lane whose time has come waits for an earlier event, so that it need not be looked at until then.
          if (sentAt === undefined) await db.deliveries.waitForEarlier(claimed.id)
          if (sentAt === undefined || isDraining || performance.now() - sentAt > HOLD_MS) break
          await nextTurn()
          continue
        }
        const limited = pLimit(CONCURRENCY)
        const lanes = due.map(delivery => serveLane(lease, delivery, limited))
        try {
          await Promise.all(lanes)
        } catch (error) {
          // Until what is on its way has ended, nobody else may send to this receiver.
          lease.drop()
          await Promise.allSettled(lanes)
          throw error
        }
        sentAt = performance.now()
        await lease.refresh()
      }
      failures.succeeded('deliver events')
    } catch (error) {
      // What was sent and not recorded is sent again.
      failures.failed('deliver events', error)
      // If only the recording fails, the same events must not be sent again without a pause.
      if (!isClosed) await nextTurn()
    } finally {
      if (!(await lease.end())) unreleased.add(claimed.id)
    }
  }

  async function serveLane(lease: Lease, first: Delivery, limited: LimitFunction): Promise<void> {
    const startedAt = performance.now()
    let delivery: Delivery | undefined = first
    while (delivery && (delivery === first || performance.now() - startedAt < laneTurnMs)) {
      const { receiver } = lease
      if (!receiver) return
      if (delivery.event === null && delivery.message === null) {
        await db.deliveries.abandon(delivery.id, EVENT_DELETED)
        delivery = await db.deliveries.nextInLane(receiver.id, delivery.lane)
        continue
      }
      unsent++
      const tried = await limited(attemptTo, lease, delivery).finally(() => unsent--)
      delivery = tried === 'delivered' ? await recordSuccess(lease, delivery) : tried
    }
  }

  /**
   * Sends an event. A failure is recorded before this ends, so that it is known before the next event is sent; successes are
   * recorded together, while others are sent.
   *
   * @returns the next event of the lane, if its time has come; or that this one was delivered, which is to be recorded
   */
  async function attemptTo(lease: Lease, delivery: Delivery): Promise<Delivery | 'delivered' | undefined> {
    if (lease.receiver) await lease.refresh()
    const { receiver } = lease
    if (!receiver || isClosed || lease.remainingMs() < LEAST_LEASE_MS) return undefined
    const attempt = await senders[receiver.kind].send(receiver, delivery, stopping.signal)
    deliveryAttempts.report({ kind: receiver.kind, outcome: attempt.outcome })
    return attempt.outcome === 'delivered' ? 'delivered' : recordOther(lease, receiver, delivery, attempt)
  }

  async function recordSuccess(lease: Lease, delivery: Delivery): Promise<Delivery | undefined> {
    const hasLater = await completed(delivery)
    await lease.succeeded()
    return hasLater ? db.deliveries.nextInLane(lease.receiverId, delivery.lane) : undefined
  }

  async function recordOther(
    lease: Lease,
    receiver: EventReceiver,
    delivery: Delivery,
    attempt: Exclude<Attempt, { outcome: 'delivered' }>,
  ): Promise<Delivery | undefined> {
    switch (attempt.outcome) {
      case 'interrupted':
        return undefined
      case 'refused':
        await db.deliveries.abandon(delivery.id, attempt.reason)
        return db.deliveries.nextInLane(receiver.id, delivery.lane)
      case 'gone':
        lease.drop()
        await disable(receiver, attempt.reason, stopping.signal)
        return undefined
      case 'failed':
        return (await recordFailure(lease, receiver, delivery, attempt))
          ? db.deliveries.nextInLane(receiver.id, delivery.lane)
          : undefined
    }
  }

  /** @returns whether the lane has a later event */
  async function completed(delivery: Delivery): Promise<boolean> {
    if (delivery.attempts > 0) {
      await db.deliveries.completeRetried(delivery.id)
      return true
    }
    const hasLater = complete(delivery)
    // Nothing arrives any more that it could wait for.
    if (unsent === 0) complete.flush()
    return hasLater
  }

  /** @returns whether the lane can go on */
  async function recordFailure(
    lease: Lease,
    receiver: EventReceiver,
    delivery: Delivery,
    { reason, retryAfterSeconds, isRefused = false, isOnlyThisOne = false }: Extract<Attempt, { outcome: 'failed' }>,
  ): Promise<boolean> {
    const failing = isOnlyThisOne ? NOT_COUNTED : await db.eventReceivers.failed(receiver)
    if (!failing) {
      // The answer of an earlier address says nothing about the one of now, which gets the event at once.
      lease.drop()
      return false
    }
    const isOld = delivery.ageSeconds > GIVE_UP_SECONDS
    const isGivenUp = (isOld || isRefused) && delivery.attempts + 1 >= LEAST_ATTEMPTS
    if (isGivenUp) await db.deliveries.abandon(delivery.id, reason)
    else await db.deliveries.postpone(delivery.id, pauseAfter(delivery.attempts + 1), reason)
    if (isOnlyThisOne) return isGivenUp
    lease.failed()
    const { failures, failingForSeconds } = failing
    if (failingForSeconds > DISABLE_SECONDS) {
      lease.drop()
      await disable(
        receiver,
        `every attempt failed for ${DISABLE_SECONDS / 86_400} days, at last: ${reason}`,
        stopping.signal,
      )
      return false
    }
    const pause = Math.max(retryAfterSeconds ?? 0, failures >= OUTAGE_FAILURES ? outagePause(failingForSeconds) : 0)
    if (pause === 0) return isGivenUp
    lease.drop()
    await db.eventReceivers.pause(receiver.id, pause)
    if (failures === OUTAGE_FAILURES)
      log.warn(`Events cannot be delivered to the ${receiver.kind} ${receiver.id}, and wait: ${reason}`)
    return false
  }

  return {
    wake() {
      if (isClosed || wakeTimer) return
      wakeTimer = setTimeout(() => {
        wakeTimer = undefined
        void takeTurn()
      }, WAKE_MS).unref()
    },
    async runNow() {
      isDraining = true
      await takeTurn()
      await Promise.all(working.values())
      isDraining = false
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      clearTimeout(wakeTimer)
      endHolding()
      await turn
      const settled = Promise.all(working.values())
      await Promise.race([settled, sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })])
      stopping.abort()
      await settled
    },
  }
}
