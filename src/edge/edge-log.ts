import { hostname } from 'node:os'
import type { Log } from '../lib/log.js'
import type { EdgeConfig } from './edge-config.js'

const LEVELS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: 100 }

/**
 * Writes lines in the format of the service's log. The edge writes few, and none for a request, so it does not load the
 * service's logger, which takes a tenth of its memory.
 */
export function createEdgeLog(level: EdgeConfig['logLevel']): Log {
  const host = hostname()
  const write = (name: 'info' | 'warn' | 'error') => (msg: string) => {
    if (LEVELS[name] < LEVELS[level]) return
    const line = { level: LEVELS[name], time: Date.now(), pid: process.pid, hostname: host, msg }
    process.stdout.write(`${JSON.stringify(line)}\n`)
  }
  return { info: write('info'), warn: write('warn'), error: write('error') }
}
