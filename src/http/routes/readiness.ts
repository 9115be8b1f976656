import type { FastifyInstance } from 'fastify'
import type { ReadyReport } from './health.js'

/** As much of the stores as readiness asks. */
interface PingedStores {
  db: { ping(): Promise<void> }
  ephemeral: { ping(): Promise<readonly string[]> }
}

/** Far below the second that a probe waits by default: a store that hangs must not look like an instance that does. */
const PING_TIMEOUT_MS = 300

/**
 * Whether this instance may be sent requests. A store that is away does not change that: verification goes on, and
 * taking every instance out of the gateway at once would only make it worse. It is named as degraded, and so is a Redis
 * that may evict (`redis-eviction`), held what is not ours (`redis-untrusted`) or denies a right (`redis-rights`), and a
 * clock that is far from that of Postgres (`clock`).
 */
export function readiness(app: FastifyInstance, { db, ephemeral }: PingedStores): () => Promise<ReadyReport> {
  const stores = {
    postgres: oneAtATime(() => db.ping().then(() => [])),
    redis: oneAtATime(() => ephemeral.ping()),
  }
  return async () => {
    if (app.isDraining()) return { ready: false, reason: 'draining' }
    if (!app.context.revocations.loaded) return { ready: false, reason: 'starting' }
    if (!app.context.revocations.fresh) return { ready: false, reason: 'stale' }
    const answers = await Promise.all(
      Object.entries(stores).map(async ([name, ping]) => (await answerInTime(ping())) ?? [name]),
    )
    const { isOff } = app.context.revocations.clocks
    return { ready: true, degraded: [...answers.flat(), ...(isOff ? ['clock'] : [])] }
  }
}

/** However many ask, a store that hangs is kept busy by one ping. */
function oneAtATime<Answer>(ping: () => Promise<Answer>): () => Promise<Answer> {
  let underWay: Promise<Answer> | undefined
  return () => {
    underWay ??= ping().finally(() => {
      underWay = undefined
    })
    return underWay
  }
}

function answerInTime<Answer>(ping: Promise<Answer>): Promise<Answer | undefined> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, PING_TIMEOUT_MS, undefined)
    const settle = (answer: Answer | undefined) => {
      clearTimeout(timer)
      resolve(answer)
    }
    ping.then(settle, () => settle(undefined))
  })
}
