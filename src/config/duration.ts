import { type Kind, Mistake } from './kind.js'

const unitsMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A duration within bounds, which are written as an operator would write them; it is read into milliseconds. */
export function durationMs(least: string, most: string): Kind<number> {
  const accepts = `a duration from ${least} to ${most}`
  const leastMs = toMs(least)
  const mostMs = toMs(most)
  return {
    accepts,
    parse(text) {
      const ms = text === '0' ? 0 : toMs(text)
      if (ms < leastMs || ms > mostMs) throw new Mistake(`must be ${accepts}`)
      return ms
    },
  }
}

/** As {@link durationMs}, in whole seconds. */
export function durationSeconds(least: string, most: string): Kind<number> {
  const { accepts, parse } = durationMs(least, most)
  return {
    accepts,
    parse(text) {
      const ms = parse(text)
      if (ms % 1000 !== 0) throw new Mistake('must be whole seconds, such as 1s')
      return ms / 1000
    },
  }
}

function toMs(text: string): number {
  // A number alone means seconds to some programs and milliseconds to others: asking beats guessing.
  if (/^\d+$/.test(text)) throw new Mistake(`needs a unit: write ${text}s for seconds or ${text}m for minutes`)
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text)
  if (!match) throw new Mistake('must be a whole number with one unit (ms, s, m, h or d), such as 500ms, 15m or 7d')
  return Number(match[1]) * unitsMs[match[2]!]!
}
