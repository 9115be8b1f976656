import { type LoggerOptions, pino } from 'pino'
import type { Config } from './config.js'
import type { Log } from './log.js'
import { loggerOptions } from './plugins/logger-options.js'

/** The log of everything before there is an app, in the app's own form. */
export function startLog(level: Config['logLevel']): Log {
  return pino(loggerOptions(level) as LoggerOptions)
}
