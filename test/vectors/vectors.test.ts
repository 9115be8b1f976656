import { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'
import {
  Freshness,
  openVerificationKey,
  type PublicKeyJwk,
  type Revocation,
  RevocationList,
  TokenVerifier,
} from '@latchkey/verifier/core'
import t, { type Test } from 'tap'
import { ConnectionReader } from '../../packages/verifier/src/feed/connection-reader.js'
import {
  advanced,
  ageMs,
  connecting,
  disconnected,
  type FeedProgress,
  NO_PROGRESS,
} from '../../packages/verifier/src/feed/feed-progress.js'
import { FeedReader } from '../../packages/verifier/src/feed/feed-reader.js'
import type { FreshnessCase } from './freshness.js'
import { type FeedVectors, type FreshnessVectors, makeVectors } from './make-vectors.js'
import type { Verdict } from './tokens.js'

const read = (name: string) => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'))
const feed: FeedVectors = read('feed.json')
const freshness: FreshnessVectors = read('freshness.json')

t.test('the files are those that the script makes', async t => {
  const made = makeVectors(feed.tokens.map(({ token }) => token))
  t.strictSame({ 'feed.json': feed, 'freshness.json': freshness }, JSON.parse(JSON.stringify(made)))
  t.equal(feed.tokens.length, 200)
  t.equal(new Set(feed.tokens.map(({ token }) => token)).size, 200)
})

t.test('the verifier reads every stream, however it is cut', async t => {
  const { list, reader } = readAll(t)
  t.equal(reader.unknown, 2, 'an event and a kind of a later version')
  t.equal(reader.malformed, 5)
  t.equal(list.size, 517)
})

function readAll(t: Test) {
  const list = new RevocationList()
  const add = (revocations: readonly Revocation[]) => {
    for (const revocation of revocations) list.add(revocation)
  }
  const now = () => ({ monotonicMs: performance.now(), wallMs: Date.now() })
  const reader = new FeedReader({ now, onConnected() {}, onRevocations: add, onHeartbeat() {} })
  for (const { chunks, last_event_id, after } of feed.streams) {
    t.equal(reader.progress.lastEventId ?? null, last_event_id)
    const connection = new ConnectionReader(reader, { onComplete() {}, onReconnect() {} })
    const decoder = new TextDecoder()
    for (const chunk of chunks) connection.read(decoder.decode(Buffer.from(chunk, 'base64'), { stream: true }))
    const { lastEventId = null, position = null } = reader.progress
    const known = {
      is_complete: connection.isComplete,
      last_event_id: lastEventId,
      position,
      retry_ms: reader.retryMs,
    }
    t.strictSame(known, after)
  }
  return { list, reader }
}

t.test('the code with which the service verifies reaches every verdict', async t => {
  const { list } = readAll(t)
  const keys = new Map((feed.jwks as { keys: PublicKeyJwk[] }).keys.map(jwk => [jwk.kid, openVerificationKey(jwk)]))
  const verifier = new TokenVerifier({
    issuer: feed.issuer,
    audience: feed.audience,
    keys: { forKid: async kid => keys.get(kid) },
    revocations: list,
    clock: () => feed.now * 1000,
  })
  const verdictOf = async (token: string): Promise<Verdict | 'undecided'> => {
    const principal = await verifier.identify(token)
    return principal ? (verifier.judge(token, principal) ?? 'valid') : 'invalid'
  }
  for (const { about, token, verdict } of feed.tokens) {
    t.equal(await verdictOf(token), verdict, about)
    t.equal(await verdictOf(token), verdict, `${about}, once more`)
  }
})

t.test('every kind of entry and every verdict is among the vectors', async t => {
  const text = feed.streams
    .map(({ chunks }) => Buffer.concat(chunks.map(chunk => Buffer.from(chunk, 'base64'))))
    .join('')
  for (const kind of ['session', 'token', 'user', 'roles', 'user_before', 'key', 'realm'])
    t.ok(text.includes(`"kind":"${kind}"`), kind)
  for (const verdict of ['valid', 'revoked', 'stale', 'expired', 'invalid'])
    t.ok(feed.tokens.filter(token => token.verdict === verdict).length >= 5, verdict)
})

for (const { about, max_staleness_seconds, steps } of freshness.cases) {
  t.test(`freshness: ${about}`, async t => {
    checkOrder(t, steps)
    checkProgress(t, max_staleness_seconds, steps)
    checkFormula(t, max_staleness_seconds, steps)
  })
}

type Steps = FreshnessCase['steps']

function checkOrder(t: Test, steps: Steps): void {
  t.ok(
    steps.every(({ at_ms }, n) => n === 0 || at_ms >= steps[n - 1]!.at_ms),
    'in the order of time',
  )
}

/** What the verifier decides. */
function checkProgress(t: Test, maxStalenessSeconds: number, steps: Steps): void {
  let progress: FeedProgress = NO_PROGRESS
  for (const step of steps) {
    const now = { monotonicMs: step.at_ms, wallMs: step.at_ms }
    if (step.do === 'connect') progress = connecting(progress, now)
    if (step.do === 'disconnect') progress = disconnected(progress)
    if (step.do === 'start') progress = advanced(progress, { type: 'start', nowMs: step.now_ms }, now)
    if (step.do === 'heartbeat') {
      const id = step.has_id ? '1.5:7' : undefined
      progress = advanced(progress, { type: 'heartbeat', asOfMs: step.as_of_ms, id, position: undefined }, now)
    }
    if (step.do === 'ask')
      t.equal(ageMs(progress, step.at_ms, step.at_ms) <= maxStalenessSeconds * 1000, step.is_fresh, `at ${step.at_ms}`)
  }
}

/** The formula of docs/feed.md. */
function checkFormula(t: Test, maxStalenessSeconds: number, steps: Steps): void {
  const freshness = new Freshness(maxStalenessSeconds * 1000)
  let [sentMs, senderNowMs, isComplete] = [0, 0, false]
  for (const step of steps) {
    if (step.do === 'connect') [sentMs, isComplete] = [step.at_ms, false]
    if (step.do === 'start') senderNowMs = step.now_ms
    if (step.do === 'heartbeat') {
      isComplete ||= step.has_id
      if (isComplete) freshness.recordComplete(Math.min(sentMs + step.as_of_ms - senderNowMs, step.at_ms))
    }
    if (step.do === 'ask') t.equal(freshness.isFresh(step.at_ms), step.is_fresh, `at ${step.at_ms}, by the formula`)
  }
}
