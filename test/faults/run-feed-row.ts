import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { eventually } from '../support/eventually.js'
import { FeedTraffic, type WatchedSession } from './feed-traffic.js'
import { type Episode, monotonicMs } from './token-watch.js'
import type { VerifierReport, WatchingVerifier } from './watching-verifier.js'

export interface FeedRow {
  fault: string
  services: readonly string[]
  verifiers: readonly WatchingVerifier[]
  /** Begins the fault; resolves when it has begun. */
  begin(traffic: FeedTraffic): Promise<unknown> | unknown
  lastsMs: number
  end(traffic: FeedTraffic): Promise<unknown> | unknown
  /** The verifiers that the fault cuts off for longer than their staleness. All others must never answer 503. */
  cutOff?: readonly string[]
  /** From when on they may answer 503; by default after half of their bound, because their news were recent before. */
  undecidedAfterMs?: number
  /** How much longer than its bound a verifier may accept a revoked token: the limit of a double fault. */
  lateMs?: number
  /** The verifiers that may answer 503, and may not. */
  mayBeCutOff?: readonly string[]
  /** The verifiers that do not come back, because an operator has removed their client. */
  lost?: readonly string[]
  /** The verifiers that receipts must name as those that lag. */
  laggards?: readonly string[]
  sessions?: Parameters<FeedTraffic['prepare']>[0]
}

/** Generous limits, far below a wait for ever also on a busy machine; the measured times are printed. */
const RECOVERY_MS = 60_000
/** With fewer, a row would say nothing. */
const LEAST_SIGN_OUTS = 3

const UNDECIDED = new Set(['revocations_stale', 'keys_unavailable'])
const table: string[] = []

/**
 * Runs one row of the table for services that verify by themselves. Whatever the fault, no verifier accepts a token that
 * was revoked before its bound of staleness, or before a receipt; none refuses a valid token; and none misses anything.
 */
export async function runFeedRow(t: Test, row: FeedRow): Promise<FeedTraffic> {
  const { verifiers, lost = [] } = row
  const traffic = new FeedTraffic(row)
  await traffic.prepare(row.sessions)
  traffic.start()
  await sleep(400)
  const beganAtMs = monotonicMs()
  await row.begin(traffic)
  await sleep(row.lastsMs)
  await row.end(traffic)
  const endedAtMs = monotonicMs()
  const remaining = verifiers.filter(({ name }) => !lost.includes(name))
  await untilRefused(traffic, remaining)
  const recoveredAfterMs = monotonicMs() - endedAtMs
  await traffic.stop()
  await traffic.settle()
  await untilReceipt(t, traffic)
  await untilDecided(traffic, remaining)

  const waits: number[] = []
  let missed = 0
  const verdicts = new Map<string, Set<string>>()
  for (const verifier of verifiers) {
    const report = await verifier.report()
    const isCutOff = row.cutOff?.includes(verifier.name) ?? false
    const isLost = lost.includes(verifier.name)
    const mayBeUndecided = isCutOff || isLost || row.mayBeCutOff?.includes(verifier.name)
    const judged = judge(report, traffic.sessions, {
      maxStalenessMs: verifier.maxStalenessSeconds * 1000 + (row.lateMs ?? 0),
      undecidedFromMs: mayBeUndecided
        ? beganAtMs + (row.undecidedAfterMs ?? verifier.maxStalenessSeconds * 500)
        : Number.POSITIVE_INFINITY,
      isLost,
    })
    t.strictSame(judged.wrong, [], `${verifier.name} answers rightly`)
    if (isCutOff || isLost)
      t.ok(judged.verdicts.has('revocations_stale'), `${verifier.name} refuses what it cannot know`)
    t.equal(report.status.ignoredEntries, 0, `${verifier.name} reads every entry`)
    waits.push(...judged.waitsMs)
    missed += judged.missed
    verdicts.set(verifier.name, judged.verdicts)
  }
  for (const name of row.laggards ?? []) t.ok(traffic.laggards.has(name), `receipts name ${name}`)
  const gone = traffic.sessions.filter(({ revokedAtMs }) => revokedAtMs !== undefined)
  t.ok(gone.length >= LEAST_SIGN_OUTS, `${gone.length} users signed out`)
  t.ok(recoveredAfterMs < RECOVERY_MS, `everything works again after ${recoveredAfterMs.toFixed(0)} ms`)

  waits.sort((x, y) => x - y)
  const { complete, pending } = traffic.receipts
  table.push(
    [row.fault, String(verifiers.length), String(gone.length)]
      .concat([...verdicts.values()].some(set => set.has('revocations_stale')) ? 'valid/503' : 'valid')
      .concat([(waits[Math.floor(waits.length / 2)] ?? 0).toFixed(0), (waits.at(-1) ?? 0).toFixed(0)])
      .concat([`${complete}/${pending}`, recoveredAfterMs.toFixed(0), String(missed)])
      .join(' | '),
  )
  return traffic
}

export function printFeedTable(t: Test): void {
  t.comment(
    'fault | verifiers | sign-outs | valid tokens | refused after ms, median | worst | receipts 204/202 | recovered after ms | missed',
  )
  for (const line of table) t.comment(line)
}

/** A user who signs out now is refused by every verifier soon: that is what works again means. */
async function untilRefused(traffic: FeedTraffic, verifiers: readonly WatchingVerifier[]): Promise<void> {
  const session = await eventually(() => traffic.signOneOut(), RECOVERY_MS)
  await untilEach(verifiers, ({ episodes }) => lastVerdict(episodes, session.id) === 'token_revoked')
}

async function untilReceipt(t: Test, traffic: FeedTraffic): Promise<void> {
  const endMs = monotonicMs() + RECOVERY_MS
  let session: WatchedSession | undefined
  while (session?.receiptAtMs === undefined && monotonicMs() < endMs)
    session = await traffic.signOneOut().catch(() => undefined)
  t.ok(session?.receiptAtMs, 'in the end, a receipt is complete')
}

async function untilDecided(traffic: FeedTraffic, verifiers: readonly WatchingVerifier[]): Promise<void> {
  await untilEach(verifiers, ({ episodes, status }) => {
    const wanted = ({ revokedAtMs }: WatchedSession) => (revokedAtMs === undefined ? 'valid' : 'token_revoked')
    return status.isFresh && traffic.sessions.every(session => lastVerdict(episodes, session.id) === wanted(session))
  })
}

/** Gives up quietly: the judgement afterwards says what is wrong. */
async function untilEach(
  verifiers: readonly WatchingVerifier[],
  isReached: (report: VerifierReport) => boolean,
): Promise<void> {
  const endMs = monotonicMs() + RECOVERY_MS
  for (const verifier of verifiers) while (!isReached(await verifier.report()) && monotonicMs() < endMs) await sleep(50)
}

function lastVerdict(episodes: VerifierReport['episodes'], id: number): string | undefined {
  return episodes.find(([of]) => of === id)?.[1].at(-1)?.verdict
}

interface Rules {
  maxStalenessMs: number
  /** From when on it may say that it cannot decide. */
  undecidedFromMs: number
  /** Nothing is expected of it at the end. */
  isLost: boolean
}

/** Compares what a verifier answered with what it must answer. */
function judge({ episodes }: VerifierReport, sessions: readonly WatchedSession[], rules: Rules) {
  const wrong: string[] = []
  const waitsMs: number[] = []
  const verdicts = new Set<string>()
  let missed = 0
  for (const [id, answers] of episodes) {
    const session = sessions.find(session => session.id === id)!
    const { revokedAtMs, receiptAtMs } = session
    for (const answer of answers) {
      const problem = problemOf(answer, session, rules)
      if (problem !== undefined) wrong.push(problem)
      verdicts.add(answer.verdict)
    }
    const last = answers.at(-1)
    const wanted = revokedAtMs === undefined ? 'valid' : 'token_revoked'
    if (last?.verdict !== wanted && !rules.isLost) {
      wrong.push(`in the end, a ${revokedAtMs === undefined ? 'valid' : 'revoked'} token is ${last?.verdict}`)
      if (revokedAtMs !== undefined) missed++
    }
    const accepted = answers.findLast(({ verdict }) => verdict === 'valid')
    if (revokedAtMs !== undefined) waitsMs.push(Math.max(0, (accepted?.lastAskedAtMs ?? 0) - revokedAtMs))
    if (receiptAtMs !== undefined && accepted && accepted.lastAskedAtMs > receiptAtMs)
      wrong.push(`a token was accepted ${(accepted.lastAskedAtMs - receiptAtMs).toFixed(0)} ms after its receipt`)
  }
  return { wrong: [...new Set(wrong)].slice(0, 10), waitsMs, verdicts, missed }
}

function problemOf(answer: Episode, session: WatchedSession, rules: Rules): string | undefined {
  const { verdict, answeredAtMs, lastAskedAtMs } = answer
  const { askedAtMs = Number.POSITIVE_INFINITY, revokedAtMs = Number.POSITIVE_INFINITY } = session
  if (verdict === 'valid') {
    const lateMs = lastAskedAtMs - revokedAtMs
    return lateMs > rules.maxStalenessMs
      ? `a token was accepted ${lateMs.toFixed(0)} ms after its revocation`
      : undefined
  }
  if (UNDECIDED.has(verdict))
    return answeredAtMs < rules.undecidedFromMs ? `${verdict}, though its news were recent` : undefined
  if (verdict !== 'token_revoked') return `a token got ${verdict}`
  return answeredAtMs < askedAtMs ? 'a token was refused before its user signed out' : undefined
}
