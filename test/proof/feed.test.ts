import t from 'tap'
import { DECISIONS, type Decisions } from './feed/follower.js'
import { FEED_BOUNDS, feedModel } from './feed/model.js'
import { type FeedBounds, SENDER_RULES } from './feed/steps.js'
import { search } from './search.js'

for (const [name, bounds] of Object.entries(FEED_BOUNDS.ci))
  t.test(`a follower accepts no revoked token after the bound in any order of events (${name})`, async t => {
    const { states, depth, seconds, exhausted, counterexample } = search(feedModel(bounds))
    t.equal(counterexample, null)
    t.ok(exhausted)
    t.comment(`${states} states, ${depth} steps deep, ${seconds.toFixed(1)} s`)
  })

const { advanced, ageMs, connecting } = DECISIONS

const { failover, kills, sleeps } = FEED_BOUNDS.ci

const WEAKNESSES: Record<string, [FeedBounds, Partial<Decisions>]> = {
  'a heartbeat during a snapshot counts': [
    kills,
    {
      advanced: (progress, step, at) =>
        advanced(
          { ...progress, connection: progress.connection && { ...progress.connection, isComplete: true } },
          step,
          at,
        ),
    },
  ],
  'a connection begins complete': [
    kills,
    {
      connecting: (progress, at) => {
        const next = connecting(progress, at)
        return { ...next, connection: { ...next.connection!, isComplete: progress.asOf !== undefined } }
      },
    },
  ],
  'the age of the list counts from the arrival of the heartbeat': [
    sleeps,
    {
      advanced: (progress, step, at) => {
        const next = advanced(progress, step, at)
        return next.asOf && step.type === 'heartbeat' && next.asOf !== progress.asOf ? { ...next, asOf: at } : next
      },
    },
  ],
  'only the monotonic clock counts': [sleeps, { ageMs: (progress, monotonicMs) => ageMs(progress, monotonicMs, 0) }],
  'a list that is never stale': [kills, { ageMs: progress => (progress.asOf ? 0 : Number.POSITIVE_INFINITY) }],
}

for (const [name, [bounds, weakness]] of Object.entries(WEAKNESSES))
  t.test(`the search finds a planted weakness: ${name}`, async t => {
    const { counterexample } = search(feedModel(bounds, weakness))
    t.match(counterexample?.violation, /accepted longer/)
    t.comment(counterexample?.trace.join('\n'))
  })

for (const rule of Object.keys(SENDER_RULES) as (keyof typeof SENDER_RULES)[])
  t.test(`a follower depends on a rule of the sender: ${rule}`, async t => {
    const { counterexample } = search(feedModel(failover, {}, { ...SENDER_RULES, [rule]: true }))
    t.ok(counterexample)
    t.comment(counterexample?.violation, counterexample?.trace.join('\n'))
  })
