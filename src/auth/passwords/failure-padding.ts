import { setImmediate, setTimeout as sleep } from 'node:timers/promises'

export interface FailurePaddingOptions {
  /** The kind of the hashes that are made here. */
  ownKind: string
  /** The kinds of all other hashes in the database. */
  otherKinds(): Promise<readonly string[]>
  /** How long a verification of this kind takes now, in milliseconds; undefined for a kind that can't be verified. */
  measure(kind: string): Promise<number | undefined>
  /** Told when the kinds could not be read; failures are then padded to what was known before. */
  onError?: ((error: Error) => void) | undefined
}

/**
 * Makes all failures last as long as one of the slowest hash in the database, so that the time does not tell who has
 * an account, or one of an older system. Where all hashes are of our own kind they take the same time as it is, and
 * nothing waits.
 */
export interface FailurePadding {
  /** Learns from each verification. */
  observe(kind: string, tookMs: number): void
  /** Resolves when a failure may be told whose hash was begun at this moment of `performance.now()`. */
  settle(startedAtMs: number): Promise<void>
}

/** How long what was learnt of the database counts. */
const FRESH_MS = 60_000
/** Estimates follow the slow side of what is seen; the margin is for what is slower still. */
const MARGIN = 1.1

export function createFailurePadding(options: FailurePaddingOptions): FailurePadding {
  const { ownKind } = options
  const estimatesMs = new Map<string, number>()
  let others: readonly string[] = []
  let learntAtMs = Number.NEGATIVE_INFINITY
  let learning: Promise<void> | undefined

  /** Reads which kinds there are, and measures those that are new. Whoever comes meanwhile joins in. */
  function learn(): Promise<void> {
    learning ??= (async () => {
      try {
        const found = await options.otherKinds()
        for (const kind of found.length > 0 ? [ownKind, ...found] : []) {
          const tookMs = estimatesMs.has(kind) ? undefined : await options.measure(kind)
          if (tookMs !== undefined) observe(kind, tookMs)
        }
        others = found
        for (const kind of estimatesMs.keys()) if (kind !== ownKind && !found.includes(kind)) estimatesMs.delete(kind)
        learntAtMs = performance.now()
      } catch (error) {
        options.onError?.(error as Error)
      } finally {
        learning = undefined
      }
    })()
    return learning
  }

  /** Rises at once, though never to more than double, and sinks slowly: one long pause does not slow all that follow. */
  function observe(kind: string, tookMs: number): void {
    if (kind !== ownKind && !others.includes(kind)) others = [...others, kind]
    const before = estimatesMs.get(kind)
    const next =
      before === undefined ? tookMs : tookMs > before ? Math.min(tookMs, 2 * before) : before + (tookMs - before) / 8
    estimatesMs.set(kind, next)
  }

  return {
    observe,
    async settle(startedAtMs) {
      // The first failure waits until it is known how long to wait; later ones are judged by what was known.
      const knewNothing = learntAtMs === Number.NEGATIVE_INFINITY
      const learnt = performance.now() - learntAtMs < FRESH_MS ? undefined : learn()
      if (knewNothing) await learnt
      if (others.length === 0) return
      const slowestMs = Math.max(...[ownKind, ...others].map(kind => estimatesMs.get(kind) ?? 0))
      await until(startedAtMs + roundUp(slowestMs * MARGIN))
    },
  }
}

/**
 * How much of the wait is not left to a timer. Timers are late by up to a millisecond, and by how much depends on when
 * they were set: over some hundred attempts that told a fast kind of hash from a slow one.
 */
const FINE_MS = 1.5

/** Resolves at a moment of `performance.now()`, exact to some microseconds; everybody else has their turn meanwhile. */
async function until(momentMs: number): Promise<void> {
  const coarseMs = momentMs - FINE_MS - performance.now()
  if (coarseMs >= 1) await sleep(Math.floor(coarseMs))
  while (performance.now() < momentMs) await setImmediate()
}

/**
 * To one of few steps, each some two fifths longer than the one before. If failures followed each estimate, the next one
 * would tell whether the account tried before it was one to learn from.
 */
function roundUp(ms: number): number {
  return 2 ** (Math.ceil(2 * Math.log2(ms)) / 2)
}
