/** An instant on the follower's own monotonic clock, in milliseconds, and what happens then. */
export type FreshnessStep = { at_ms: number } & (
  | { do: 'connect' }
  | { do: 'start'; now_ms: number }
  | { do: 'heartbeat'; as_of_ms: number; has_id: boolean }
  | { do: 'disconnect' }
  | { do: 'ask'; is_fresh: boolean }
)

export interface FreshnessCase {
  about: string
  max_staleness_seconds: number
  steps: FreshnessStep[]
}

const connect = (at_ms: number): FreshnessStep => ({ at_ms, do: 'connect' })
const start = (at_ms: number, now_ms: number): FreshnessStep => ({ at_ms, do: 'start', now_ms })
const beat = (at_ms: number, as_of_ms: number, has_id = true): FreshnessStep => ({
  at_ms,
  do: 'heartbeat',
  as_of_ms,
  has_id,
})
const ask = (at_ms: number, is_fresh: boolean): FreshnessStep => ({ at_ms, do: 'ask', is_fresh })
const disconnect = (at_ms: number): FreshnessStep => ({ at_ms, do: 'disconnect' })

export const freshnessCases: FreshnessCase[] = [
  {
    about: 'Without any news nothing is fresh.',
    max_staleness_seconds: 60,
    steps: [ask(0, false), connect(100), ask(150, false), start(200, 5000), ask(250, false)],
  },
  {
    about: 'A heartbeat without an id does not complete a snapshot.',
    max_staleness_seconds: 60,
    steps: [
      connect(0),
      start(10, 5000),
      beat(20, 5000, false),
      ask(21, false),
      beat(1000, 5990),
      ask(1001, true),
      beat(2000, 6990, false),
      ask(2001, true),
    ],
  },
  {
    about: 'The list can be used until exactly the bound is over, counted from as_of_ms.',
    max_staleness_seconds: 60,
    steps: [
      connect(500_000),
      start(500_010, 81_234.5),
      beat(500_020, 81_234),
      beat(510_030, 91_233.9),
      ask(569_999, true),
      ask(570_000, false),
    ],
  },
  {
    about: 'A slow answer makes the list look older, never fresher.',
    max_staleness_seconds: 10,
    steps: [connect(0), start(4000, 70_000), beat(4001, 70_000), ask(9999, true), ask(10_001, false)],
  },
  {
    about: 'A slow heartbeat too.',
    max_staleness_seconds: 5,
    steps: [connect(0), start(1, 1000), beat(2, 1000), beat(4900, 1900), ask(5800, true), ask(5901, false)],
  },
  {
    about: 'Heartbeats go on, but the sender has no news.',
    max_staleness_seconds: 5,
    steps: [
      connect(0),
      start(1, 1000),
      beat(2, 1000),
      beat(1000, 1000, false),
      beat(3000, 1000, false),
      ask(4900, true),
      beat(5000, 1000, false),
      ask(5100, false),
      beat(6000, 6999),
      ask(6001, true),
    ],
  },
  {
    about: 'A list stays fresh over a short interruption, and a snapshot that has begun changes nothing.',
    max_staleness_seconds: 10,
    steps: [
      connect(0),
      start(1, 1000),
      beat(2, 1000),
      disconnect(3000),
      ask(3001, true),
      connect(4000),
      start(4001, 90_000),
      beat(4002, 90_000, false),
      ask(9999, true),
      ask(10_001, false),
      beat(10_500, 96_499),
      ask(10_501, true),
    ],
  },
  {
    about: 'Another instance has another clock.',
    max_staleness_seconds: 5,
    steps: [
      connect(0),
      start(1, 9_000_000),
      beat(2, 9_000_000),
      disconnect(100),
      connect(200),
      start(201, 12),
      beat(202, 11),
      ask(5100, true),
      ask(5200, false),
    ],
  },
  {
    about: 'Another instance that has older news does not make the list older.',
    max_staleness_seconds: 10,
    steps: [
      connect(0),
      start(1, 1000),
      beat(8000, 9000),
      disconnect(8100),
      connect(8200),
      start(8201, 500_000),
      beat(8202, 494_000),
      ask(17_900, true),
      ask(18_001, false),
    ],
  },
  {
    about: 'The clock of this machine stood still for an hour: a heartbeat is not fresher than its arrival.',
    max_staleness_seconds: 60,
    steps: [
      connect(0),
      start(10, 1000),
      beat(20, 1000),
      beat(2000, 3_603_000),
      ask(2001, true),
      ask(62_000, true),
      ask(62_001, false),
    ],
  },
]
