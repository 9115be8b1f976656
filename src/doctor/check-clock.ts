import type { Findings } from './finding.js'

export interface ClockReading {
  /** Whose clock it is: `Postgres`, `the instance a:1`. */
  name: string
  /** Milliseconds since the epoch, as are the two instants of this process around the question. */
  theirMs: number
  sentAt: number
  receivedAt: number
}

const WARNING_MS = 2_000
/** Access tokens are refused if the clocks of an issuer and a verifier differ by more. */
const PROBLEM_MS = 30_000

/** Compares a clock with that of this machine. What the answer needed on its way is not counted. */
export function reportClock(findings: Findings, { name, theirMs, sentAt, receivedAt }: ClockReading): void {
  const aheadMs = theirMs < sentAt ? theirMs - sentAt : Math.max(0, theirMs - receivedAt)
  const { ok, warning, problem } = findings.about('clock')
  const differs = `The clock of ${name} is ${(Math.abs(aheadMs) / 1000).toFixed(1)} s ${aheadMs < 0 ? 'behind' : 'ahead of'} this machine's`
  const fix = 'synchronise both with NTP'
  const check = name.split(' ')[1] ?? name.toLowerCase()
  if (Math.abs(aheadMs) > PROBLEM_MS) problem(check, `${differs}: ${fix}.`)
  else if (Math.abs(aheadMs) > WARNING_MS) warning(check, `${differs}: ${fix}.`)
  else ok(check, `The clocks of ${name} and of this machine agree.`)
}
