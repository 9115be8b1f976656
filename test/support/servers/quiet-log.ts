import type { Log } from '../../../src/lib/log.js'

/** A log that keeps its lines for assertions, and prints nothing: standard output is for TAP. */
export function quietLog(): Log & { lines: string[] } {
  const lines: string[] = []
  const keep = (level: string) => (message: string) => void lines.push(`${level}: ${message}`)
  return { lines, info: keep('info'), warn: keep('warn'), error: keep('error') }
}
