import type { RotationBounds } from './bounds.js'
import { AT, FLIGHT_BYTES } from './state.js'
import { ANCIENT, positionOf } from './tokens.js'

/** The bounds of a search, one per line. */
export function describeBounds(bounds: RotationBounds): string[] {
  const { leewaySeconds, minAgeSeconds, settleSeconds } = bounds.times
  const { crashes, failovers, losses, counted, graceTicks, flushTicks, answerTicks } = bounds
  return [
    bounds.inBody ? 'a client that stores its token itself' : 'tabs of one browser',
    `in ticks: leeway ${leewaySeconds}, least age ${minAgeSeconds}, settling time ${settleSeconds}`,
    `${bounds.flights} requests and answers in progress at once, for any length of time`,
    `${bounds.window} generations before the current one are distinguished`,
    `crashes ${crashes}, failovers ${failovers} that lose one commit, losses of Redis ${losses}`,
    `JWT_REFRESH_SECRET ${bounds.secretsChange ? 'changes' : 'does not change'}`,
    ...(crashes > 0
      ? [`cookies are on disk after ${flushTicks} ticks; a crash loses answers that took up to ${answerTicks}`]
      : []),
    ...(bounds.inBody ? [`a superseded request takes at most ${graceTicks} ticks after the first refusal`] : []),
    bounds.maxGains === null
      ? `no thief; ${counted} late answers are counted for one client`
      : `a thief copies the jar once, and gains ${bounds.maxGains} generations at the most`,
  ]
}

/** The name of a token, by its distance from the token on the whitelist. */
export function nameOf(s: Uint8Array, token: number): string {
  if (token === ANCIENT) return 'an ancient token'
  const distance = positionOf(token) - positionOf(s[AT.token]!)
  return distance === 0 ? 'the current token' : `the token ${Math.abs(distance)} ${distance < 0 ? 'before' : 'after'}`
}

/** A state in one line, for traces. */
export function describe(s: Uint8Array): string {
  const of = (token: number) => (token === 0 ? '-' : token === ANCIENT ? 'old' : token.toString(2))
  const flights: string[] = []
  for (let at = AT.flights; at < s.length; at += FLIGHT_BYTES)
    if (s[at] !== 0) flights.push(`${'?>x<!'[s[at]!]}${of(s[at + 1]!)}.${s[at + 2]}.${s[at + 3]}`)
  const row = `row ${of(s[AT.token]!)}+${s[AT.nextBit]} prev mark ${s[AT.previousMark]} age ${s[AT.age]} late ${s[AT.lateReplays]}/${s[AT.late]}`
  const thief = s[AT.stolen]
    ? ` thief ${of(s[AT.stolen]!)}.${s[AT.stolenMarks]},${s[AT.stolenMarks + 1]} prev ${s[AT.hasPrevious]} gains ${s[AT.gains]}`
    : ''
  return `${row} seen ${s[AT.seen]}@${s[AT.seenAfter]} jar ${of(s[AT.jar]!)}.${s[AT.jarMark]} ticket ${of(s[AT.jarTicket]!)} access ${s[AT.access]} disk ${of(s[AT.disk]!)}.${s[AT.diskMark]} dirty ${s[AT.dirty]} last ${of(s[AT.lastToken]!)} ${flights.join(' ')}${thief}`
}
