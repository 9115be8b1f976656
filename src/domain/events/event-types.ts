import { SECURITY_EVENT_TYPES, type SecurityEventType } from '../../postgres/security-event-types.js'

const KNOWN: ReadonlySet<string> = new Set(SECURITY_EVENT_TYPES)

/** Those of the names that are no type of event. */
export function unknownTypes(names: readonly string[]): string[] {
  return names.filter(name => !KNOWN.has(name))
}

/** Reads types that are separated by commas; the first wrong name is returned as `unknown`. */
export function readTypes(text: string): { types: SecurityEventType[] } | { unknown: string } {
  const given = text.split(',').map(type => type.trim())
  const [unknown] = unknownTypes(given)
  return unknown === undefined ? { types: given as SecurityEventType[] } : { unknown }
}
