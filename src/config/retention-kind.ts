import { InvalidValue, type Kind } from './setting.js'
import { durationSeconds, list } from './value-kinds.js'

const duration = durationSeconds('1d', '3650d')

/** A type of event and how long its events are kept. Which types exist is checked where they are known. */
const entry: Kind<readonly [type: string, seconds: number]> = {
  accepts: `type=duration, such as sign_in_failed=7d, with ${duration.accepts}`,
  parse(text) {
    const [, type, given] = /^([a-z_]+)\s*=\s*(.*)$/.exec(text) ?? []
    if (type === undefined)
      throw new InvalidValue('must be a type of event, = and a duration, such as sign_in_failed=7d')
    return [type, duration.parse(given!)]
  },
}

/** Seconds by the type of event. */
export const retentionByType: Kind<Readonly<Partial<Record<string, number>>>> = {
  accepts: list(entry).accepts,
  parse(text) {
    const entries = list(entry).parse(text)
    if (new Set(entries.map(([type]) => type)).size < entries.length)
      throw new InvalidValue('contains the same type twice: remove one')
    return Object.fromEntries(entries)
  },
}
