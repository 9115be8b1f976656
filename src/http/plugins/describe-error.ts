/** What the log says about an error: an allow-list, as drivers hang queries, parameters and commands on theirs. */
export type ErrorDescription = {
  type: string
  code?: string
  message: string
  /** Where it was thrown. */
  stack: string
  cause?: ErrorDescription
}

/**
 * Describes an error for the log without what it may quote: bound parameters (Drizzle puts them in its message), the
 * offending value (Postgres does, for data exceptions), or the arguments of a Redis command.
 */
export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error, message: '', stack: '' }
  const { code } = error as { code?: unknown }
  const quotes = quotesValues(error)
  return {
    type: error.name === 'Error' ? error.constructor.name : error.name,
    ...(typeof code === 'string' && { code }),
    message: quotes ? 'left out, as it quotes values' : error.message,
    stack: quotes ? framesOf(error.stack ?? '') : (error.stack ?? ''),
    ...(error.cause !== undefined && depth < 5 && { cause: describeError(error.cause, depth + 1) }),
  }
}

function quotesValues(error: Error): boolean {
  // Recognised by shape, so that this needs neither Drizzle nor the driver.
  if ('query' in error && 'params' in error) return true
  const { code } = error as { code?: unknown }
  const sqlState = 'severity' in error && typeof code === 'string' ? code : ''
  return sqlState.startsWith('22')
}

/** A stack opens with the message, which may have several lines. */
function framesOf(stack: string): string {
  return stack
    .split('\n')
    .filter(line => line.startsWith('    at '))
    .join('\n')
}
