import { LineFault } from './line-fault.js'

// RFC 3339 as programs write it, and as Postgres does: a space for the T, an offset of hours alone, or none.
const INSTANT = /^((?:19|2\d)\d\d-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))? ?(Z|[+-]\d\d(?::?\d\d)?)?$/

/**
 * Reads an instant to the millisecond. One that names no offset is taken for UTC. Null if it is not given.
 *
 * @throws LineFault
 */
export function readInstant(value: unknown, field: string): Date | null {
  if (value === undefined) return null
  const parts = typeof value === 'string' ? INSTANT.exec(value) : null
  if (!parts) throw fault(field)
  const [, day, time, fraction = '', offset = 'Z'] = parts
  const milliseconds = fraction.padEnd(3, '0').slice(0, 3)
  const instant = new Date(`${day}T${time}.${milliseconds}${withMinutes(offset)}`)
  // A Date takes the 31st of February for the 2nd of March.
  const midnight = new Date(`${day}T00:00:00Z`)
  if (Number.isNaN(instant.getTime()) || !midnight.toISOString().startsWith(day!)) throw fault(field)
  return instant
}

function fault(field: string): LineFault {
  return new LineFault(`The ${field} is no instant such as 2024-05-01T12:00:00Z.`)
}

function withMinutes(offset: string): string {
  if (offset === 'Z') return offset
  const digits = offset.replace(':', '').padEnd(5, '0')
  return `${digits.slice(0, 3)}:${digits.slice(3)}`
}
