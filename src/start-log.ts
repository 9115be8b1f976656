import { type Logger, pino } from 'pino'
import type { Config } from './config.js'
import { loggerOptions } from './plugins/logger-options.js'

/** The one log of the process, from its first line to its last. */
export function startLog(level: Config['logLevel']): Logger {
  return pino(loggerOptions(level))
}
