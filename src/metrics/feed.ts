import { Counter, Gauge } from 'prom-client'
import { inTime } from './in-time.js'
import type { MetricsOptions } from './sources.js'

/** The followers of this instance, and the live verifiers of all instances. */
export function measureFeed(options: MetricsOptions): void {
  const { registry, config, context } = options
  const registers = [registry]
  new Gauge({
    name: 'latchkey_feed_followers',
    help: 'Connections of other services that follow the feed of revocations at this instance.',
    registers,
    collect() {
      this.set(context()?.feed.counts.followers ?? 0)
    },
  })
  new Gauge({
    name: 'latchkey_feed_followers_max',
    help: 'The setting FEED_MAX_FOLLOWERS.',
    registers,
  }).set(config.feedMaxFollowers)
  new Gauge({
    name: 'latchkey_feed_slowest_follower_lag_bytes',
    help: 'What the slowest follower of this instance was not sent yet.',
    registers,
    collect() {
      this.set(context()?.feed.slowestFollower().lagBytes ?? 0)
    },
  })
  new Gauge({
    name: 'latchkey_feed_slowest_follower_blocked_seconds',
    help: 'For how long the slowest follower of this instance has read nothing although there was something.',
    registers,
    collect() {
      this.set((context()?.feed.slowestFollower().blockedMs ?? 0) / 1000)
    },
  })
  new Counter({
    name: 'latchkey_feed_disconnected_as_slow_total',
    help: 'Followers that this instance disconnected because they read too slowly.',
    registers,
    collect() {
      this.reset()
      this.inc(context()?.feed.counts.disconnectedAsSlow ?? 0)
    },
  })
  measureVerifiers(options)
}

/** Read from Postgres at a scrape. Every instance has the same values: use `max`. */
function measureVerifiers({ registry, context }: MetricsOptions): void {
  const read = inTime(async () => context()?.db.receipts.summary())
  const gauge = (name: string, help: string, valueIn: (summary: Summary) => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        const summary = await read()
        // Rather no value than an old one.
        if (summary === undefined) this.remove()
        else this.set(valueIn(summary))
      },
    })
  gauge('latchkey_verifiers_live', 'Verifiers of other services that can accept tokens, of all instances.', s => s.live)
  gauge(
    'latchkey_verifiers_lagging',
    'Live verifiers that have not confirmed a revocation for 15 seconds, of all instances.',
    s => s.lagging,
  )
  gauge(
    'latchkey_verifiers_slowest_lag_seconds',
    'The age of the oldest revocation that a live verifier has not confirmed, of all instances.',
    s => s.slowestLagSeconds,
  )
}

type Summary = { live: number; lagging: number; slowestLagSeconds: number }
