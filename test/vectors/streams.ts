import { Buffer } from 'node:buffer'
import { BEFORE, FORGET, NOW, REALM, session, token, user } from './facts.js'

/** What one connection brought. */
export interface Stream {
  about: string
  /** The `Last-Event-ID` to send; null for none. */
  last_event_id: string | null
  /** The bytes as they arrived, in base64. */
  chunks: string[]
  /** What a follower knows afterwards. */
  after: { is_complete: boolean; last_event_id: string | null; position: string | null; retry_ms: number | null }
}

const START = '1795870000.123456'
const exp = FORGET

const entries = (...list: unknown[]) => JSON.stringify(list)
const event = (name: string, data: object | string, end = '\n') =>
  `event: ${name}${end}data: ${typeof data === 'string' ? data : JSON.stringify(data)}${end}${end}`
const start = (snapshot: boolean, nowMs: number, timeMs: number) =>
  event('start', { version: 1, now_ms: nowMs, time_ms: timeMs, snapshot, report_every_ms: 100 })
const heartbeat = (asOfMs: number, timeMs: number, xid?: number) => {
  const position = xid === undefined ? {} : { position: `${START}/${xid}:${xid + 2}:${xid}` }
  const text = event('heartbeat', { as_of_ms: asOfMs, time_ms: timeMs, report_every_ms: 100, ...position })
  return xid === undefined ? text : `id: ${START}:${xid}\n${text}`
}

/** Many sessions of no token, so that the snapshot has several events. */
const others = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => ({ kind: 'session', sid: session(100_000 + from + n), exp }))

/** Cut off in the middle of an event, before the first id. */
const CUT =
  `retry: 1500\n\n${start(true, 5000.5, (NOW - 90) * 1000)}` +
  event('revocations', entries({ kind: 'session', sid: session(1), exp }, { kind: 'session', sid: session(8), exp })) +
  event('revocations', entries(...others(0, 3), { kind: 'session', sid: session(30), exp })).slice(0, -40)

const SNAPSHOT =
  `: a gateway may send comments\n\nretry: 2750\n\n${start(true, 9000, (NOW - 60) * 1000)}` +
  event(
    'revocations',
    entries(...others(0, 498), { kind: 'session', sid: session(1), exp }, { kind: 'session', sid: session(2), exp }),
  ) +
  event(
    'revocations',
    entries(
      { kind: 'session', sid: session(3), exp },
      { kind: 'token', jti: token(1), exp },
      { kind: 'user', sub: user(1), ver: 3, exp },
      { kind: 'roles', sub: user(2), roles_version: 4, exp },
      { kind: 'roles', sub: user(3), roles_version: 2, exp },
      { kind: 'user_before', sub: user(3), iat: BEFORE, exp },
      { kind: 'user_before', sub: user(4), iat: BEFORE, exp },
      { kind: 'user', sub: user(5), ver: 2, exp },
      { kind: 'roles', sub: user(5), roles_version: 3, exp },
      { kind: 'key', kid: 'leaked', exp: null },
      { kind: 'realm', auth_time: REALM - 500, exp },
    ),
  ) +
  heartbeat(9000.2, (NOW - 60) * 1000 + 12, 7421)

/** What followed on the same connection, in other spellings of the same format. */
const TAIL =
  event('revocations', entries({ kind: 'session', sid: session(4), exp, reason: 'logout' }), '\r\n') +
  // Without the space after the colon; an unknown field; a comment inside of an event.
  `event:revocations\n: comment\nwhatever: 7\ndata:${entries({ kind: 'user', sub: user(1), ver: 5, exp, reason: 'password_changed' })}\n\n` +
  event('revocations', entries({ kind: 'user', sub: user(1), ver: 4, exp }, { kind: 'realm', auth_time: REALM, exp })) +
  // Of a later version: an event, a kind and fields.
  event('policy', { revoke: 'everything', sid: session(31) }) +
  event(
    'revocations',
    entries(
      { kind: 'device', sid: session(32), exp },
      { kind: 'session', sid: session(5), exp, reason: 'révoqué — 取り消し 🔑', device: { sid: session(33) } },
    ),
  ) +
  // Defects: each is ignored by itself.
  event(
    'revocations',
    entries(
      { kind: 'session', sid: [session(34)], exp },
      { kind: 'session', sid: session(35) },
      { kind: 'user', sub: user(34), ver: '9', exp },
      { kind: 'token', exp },
      7,
      { kind: 'session', sid: session(6), exp },
    ),
  ) +
  heartbeat(12_000, (NOW - 57) * 1000, 7430) +
  heartbeat(12_900, (NOW - 56) * 1000) +
  event('reconnect', { within_ms: 4000 }) +
  event(
    'revocations',
    entries({ kind: 'roles', sub: user(2), roles_version: 3, exp }, { kind: 'session', sid: session(9), exp }),
  )

/** The rest, after a connection to another instance. */
const MISSED =
  `retry: 900\n\n${start(false, 70_000, (NOW - 2) * 1000)}` +
  event(
    'revocations',
    entries(
      { kind: 'session', sid: session(9), exp },
      { kind: 'session', sid: session(7), exp },
      { kind: 'token', jti: token(2), exp },
    ),
  ) +
  heartbeat(70_000.1, (NOW - 2) * 1000 + 3, 7444) +
  event(
    'revocations',
    entries({ kind: 'user', sub: user(6), ver: 1, exp }, { kind: 'roles', sub: user(6), roles_version: 1, exp }),
  ) +
  heartbeat(72_000, NOW * 1000, 7450)

export const streams: Stream[] = [
  {
    about:
      'A snapshot that is cut off. No id was sent, so the next connection asks for another one; what arrived is kept.',
    last_event_id: null,
    chunks: cut(CUT, [150]),
    after: { is_complete: false, last_event_id: null, position: null, retry_ms: 1500 },
  },
  {
    about: 'A complete snapshot and what followed, in chunks of many sizes. It breaks off after an entry.',
    last_event_id: null,
    chunks: cut(SNAPSHOT + TAIL, [1, 2, 3, 1024, 7, 1, 4096, 13]),
    after: { is_complete: true, last_event_id: `${START}:7430`, position: `${START}/7430:7432:7430`, retry_ms: 2750 },
  },
  {
    about: 'Only what was missed, and what followed. Each chunk is a byte.',
    last_event_id: `${START}:7430`,
    chunks: cut(MISSED, [1]),
    after: { is_complete: true, last_event_id: `${START}:7450`, position: `${START}/7450:7452:7450`, retry_ms: 900 },
  },
]

/** Splits bytes, not characters, into chunks of these sizes, again and again. */
function cut(text: string, sizes: readonly number[]): string[] {
  const bytes = Buffer.from(text)
  const chunks: string[] = []
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length]!
    chunks.push(bytes.subarray(at, at + size).toString('base64'))
    at += size
  }
  return chunks
}
