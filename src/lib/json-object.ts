/** What a JSON object from outside may contain. */
export interface JsonLimits {
  /** As compact JSON in UTF-8. */
  maxBytes: number
  /** How many objects and lists may be within each other. */
  maxDepth: number
}

/** Why a value cannot be stored: the end of a sentence that begins with what the value is. */
type Problem = string | undefined

/** Checks that a value is a JSON object that Postgres can store and that every reader gets back as it was. */
export function problemWithObject(value: unknown, { maxBytes, maxDepth }: JsonLimits): Problem {
  if (!isJsonObject(value)) return 'is not a JSON object'
  // First, because a value that is nested very deeply could not be written.
  const problem = problemWithin(value, maxDepth)
  if (problem !== undefined) return problem
  const bytes = Buffer.byteLength(JSON.stringify(value))
  return bytes > maxBytes ? `must have at most ${maxBytes} bytes as JSON, and has ${bytes}` : undefined
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function problemWithin(value: unknown, depth: number): Problem {
  if (typeof value === 'string') return problemWithText(value)
  // 1e999 is valid JSON, and JavaScript reads it as Infinity.
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'must contain only numbers that are finite'
  if (typeof value !== 'object' || value === null) return undefined
  if (depth === 0) return 'is nested too deeply'
  for (const [name, part] of Object.entries(value)) {
    const problem = name === '__proto__' ? 'cannot contain __proto__' : problemWithText(name)
    const found = problem ?? problemWithin(part, depth - 1)
    if (found !== undefined) return found
  }
  return undefined
}

/** Postgres cannot store a NUL, and half a surrogate pair is no text. */
function problemWithText(text: string): Problem {
  return /[\0\p{Cs}]/u.test(text) ? 'contains a character that cannot be stored' : undefined
}
