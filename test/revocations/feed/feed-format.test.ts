import {
  decodeEventId,
  decodeHeartbeat,
  decodeReconnect,
  decodeRevocations,
  decodeStart,
  encodeHeartbeat,
  encodeReconnect,
  encodeRetry,
  encodeRevocation,
  encodeRevocations,
  encodeStart,
  MAX_ENTRIES,
  type Revocation,
} from '@latchkey/verifier/core'
import fc from 'fast-check'
import t from 'tap'

const EXP = 1_800_000_000

/** The data of an event, as a parser of `text/event-stream` reads it. */
function dataOf(event: string): string {
  const lines = event.split('\n')
  return lines.find(line => line.startsWith('data: '))!.slice('data: '.length)
}

const readBack = (...revocations: Revocation[]) =>
  decodeRevocations(dataOf(encodeRevocations(revocations.flatMap(encodeRevocation))))

t.test('each kind of entry names the claim that it is compared with', async t => {
  const usual = { reason: 'logout', expiresAt: EXP * 1000 }
  const written = (revocation: Revocation) => encodeRevocation(revocation).map(text => JSON.parse(text))
  const rest = { exp: EXP, reason: 'logout' }
  t.strictSame(written({ kind: 'session', subject: 's', ...usual }), [{ kind: 'session', sid: 's', ...rest }])
  t.strictSame(written({ kind: 'token', subject: 't', ...usual }), [{ kind: 'token', jti: 't', ...rest }])
  t.strictSame(written({ kind: 'user', subject: 'u', belowVersion: 3, ...usual }), [
    { kind: 'user', sub: 'u', ver: 3, ...rest },
  ])
  t.strictSame(
    written({ kind: 'user', subject: 'u', belowRolesVersion: 4, before: 7, ...usual }),
    [
      { kind: 'roles', sub: 'u', roles_version: 4, ...rest },
      { kind: 'user_before', sub: 'u', iat: 7, ...rest },
    ],
    'the instant is another entry',
  )
  t.strictSame(written({ kind: 'user', subject: 'u', before: 7, ...usual }), [
    { kind: 'user_before', sub: 'u', iat: 7, ...rest },
  ])
  t.strictSame(written({ kind: 'key', subject: 'k', reason: 'compromised', expiresAt: null }), [
    { kind: 'key', kid: 'k', exp: null, reason: 'compromised' },
  ])
  t.strictSame(written({ kind: 'realm', before: 9, ...usual }), [{ kind: 'realm', auth_time: 9, ...rest }])
})

t.test('an expiry is rounded up to whole seconds', async t => {
  const [text] = encodeRevocation({ kind: 'session', subject: 's', reason: 'logout', expiresAt: EXP * 1000 + 1 })
  t.equal(JSON.parse(text!).exp, EXP + 1)
})

t.test('what is written is read as it was', async t => {
  const text = fc.string({ minLength: 1, maxLength: 200, unit: 'binary' }).filter(text => text.length <= 200)
  const version = fc.nat()
  const instant = fc.integer({ min: 1, max: 253_402_300_799 })
  const bare = fc.oneof(
    fc.record({ kind: fc.constantFrom('session' as const, 'token' as const, 'key' as const), subject: text }),
    fc.record({ kind: fc.constant('user' as const), subject: text, belowVersion: version }),
    fc.record({ kind: fc.constant('user' as const), subject: text, before: instant }),
    fc.record({ kind: fc.constant('realm' as const), before: instant }),
  )
  const entry = fc
    .tuple(bare, text, instant, fc.boolean())
    .map(
      ([bare, reason, exp, isForEver]) =>
        ({ ...bare, reason, expiresAt: bare.kind === 'key' && isForEver ? null : exp * 1000 }) as Revocation,
    )
  fc.assert(
    fc.property(fc.array(entry, { maxLength: MAX_ENTRIES }), revocations => {
      t.strictSame(readBack(...revocations), { revocations, unknown: 0, malformed: 0 })
    }),
  )
})

t.test('no text can break an event into several', async t => {
  const subject = 'a\n\nevent: heartbeat\r\ndata: {}\r\rid: 1:1\u2028\u0000'
  const event = encodeRevocations(encodeRevocation({ kind: 'session', subject, reason: subject, expiresAt: 1000 }))
  t.match(event, /^event: revocations\ndata: [^\r\n\0]*\n\n$/)
  t.equal(readBack({ kind: 'session', subject, reason: 'x', expiresAt: 1000 }).revocations.length, 1)
})

t.test('an entry without a reason is read', async t => {
  const { revocations } = decodeRevocations(`[{"kind":"session","sid":"s","exp":${EXP}}]`)
  t.match(revocations, [{ kind: 'session', subject: 's', expiresAt: EXP * 1000 }])
  t.notMatch(encodeRevocation(revocations[0]!)[0], /reason/)
})

t.test('unknown kinds and fields are ignored, and unknown kinds are counted', async t => {
  const entries = [
    { kind: 'planet', planet: 'p', exp: EXP },
    { kind: 'session', sid: 's', exp: EXP, reason: 'logout', more: {} },
    { kind: 'tomorrow' },
  ]
  t.strictSame(decodeRevocations(JSON.stringify(entries)), {
    revocations: [{ kind: 'session', subject: 's', reason: 'logout', expiresAt: EXP * 1000 }],
    unknown: 2,
    malformed: 0,
  })
})

t.test('a malformed entry is counted, and the others of its event are read', async t => {
  const session = { kind: 'session', sid: 's', exp: EXP }
  const malformed = [
    ...[null, 1, 'session', [], {}, { ...session, kind: 7 }, { ...session, kind: 'x'.repeat(201) }],
    ...['', 's'.repeat(201), 7, null, undefined, {}, ['s']].map(sid => ({ ...session, sid })),
    ...[undefined, null, '1800000000', 1.5, -1, {}, 2 ** 53].map(exp => ({ ...session, exp })),
    ...[undefined, '3', 1.5, -1, null, 2 ** 31].map(ver => ({ kind: 'user', sub: 'u', ver, exp: EXP })),
    ...[undefined, '3', 1.5, -1, null, 2 ** 31].map(roles_version => ({
      kind: 'roles',
      sub: 'u',
      roles_version,
      exp: EXP,
    })),
    ...[undefined, '3', 1.5, -1, null, 2 ** 53].map(iat => ({ kind: 'user_before', sub: 'u', iat, exp: EXP })),
    ...[undefined, '3', 1.5, -1, null, 2 ** 53].map(auth_time => ({ kind: 'realm', auth_time, exp: EXP })),
    { kind: 'user', ver: 1, exp: EXP },
    { kind: 'token', sid: 's', exp: EXP },
    { kind: 'key', exp: null },
  ]
  for (const entry of malformed) {
    const read = decodeRevocations(JSON.stringify([entry, session]))
    t.match(read, { revocations: [{ subject: 's' }], malformed: 1, unknown: 0 }, JSON.stringify(entry))
  }
  for (const data of ['', 'null', '{}', '[', '7', JSON.stringify(Array(MAX_ENTRIES + 1).fill(session))])
    t.strictSame(decodeRevocations(data), { revocations: [], malformed: 1, unknown: 0 })
})

t.test('start, heartbeat and reconnect are read as they were written', async t => {
  const start = { nowMs: 81_234.5, timeMs: 1_795_871_022_572, isSnapshot: true, reportEveryMs: 1000 }
  t.strictSame(decodeStart(dataOf(encodeStart(start))), { version: 1, ...start })
  const heartbeat = { asOfMs: 81_233.9, timeMs: 1_795_871_023_572, reportEveryMs: 100, position: '1.5/7:9:8' }
  const id = { serverStart: '1795870000.123', xid: '7421' }
  const event = encodeHeartbeat(heartbeat, id)
  t.match(event, /^id: 1795870000\.123:7421\nevent: heartbeat\ndata: /)
  t.strictSame(decodeHeartbeat(dataOf(event)), heartbeat)
  t.strictSame(decodeEventId('1795870000.123:7421'), id)
  const bare = { ...heartbeat, position: undefined, reportEveryMs: undefined }
  t.notMatch(encodeHeartbeat(bare), /^id|position|report/)
  t.strictSame(decodeHeartbeat(dataOf(encodeHeartbeat(bare))), bare)
  t.equal(decodeReconnect(dataOf(encodeReconnect(5000))), 5000)
  t.equal(encodeRetry(3119.7), 'retry: 3120\n\n')
})

t.test('rounding never makes a list look fresher', async t => {
  const start = { timeMs: 0, isSnapshot: true, reportEveryMs: undefined }
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), ms => {
      const { nowMs } = decodeStart(dataOf(encodeStart({ ...start, nowMs: ms })))!
      const { asOfMs } = decodeHeartbeat(
        dataOf(encodeHeartbeat({ asOfMs: ms, timeMs: 0, reportEveryMs: undefined, position: undefined })),
      )!
      t.ok(nowMs >= ms - 1e-6 && asOfMs <= ms + 1e-6)
    }),
  )
})

t.test('malformed events are refused', async t => {
  for (const data of ['', 'null', '[]', '{}', '{"now_ms":"1","time_ms":1,"version":1}', '{"as_of_ms":null}']) {
    t.equal(decodeStart(data), undefined)
    t.equal(decodeHeartbeat(data), undefined)
    t.equal(decodeReconnect(data), undefined)
  }
  t.equal(decodeReconnect('{"within_ms":3600001}'), undefined)
  t.equal(decodeHeartbeat(`{"as_of_ms":1,"time_ms":1,"position":"${'1'.repeat(65_537)}"}`)?.position, undefined)
  for (const id of ['', '1', ':1', '1:', '1.:1', 'x:1', '1:x', '1:1:1', ' 1:1', '1:1\n', `1:${'1'.repeat(21)}`, '-1:1'])
    t.equal(decodeEventId(id), undefined, id)
})
