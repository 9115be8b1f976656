import type { DestinationStream } from 'pino'
import type { Config } from '../config/config.js'

/** Whether a person reads the log: LOG_FORMAT says so, or it goes to a terminal. */
export function isForPeople(format: Config['logFormat']): boolean {
  return format === 'pretty' || (format === 'auto' && process.stdout.isTTY === true)
}

/** Where pino writes its lines of JSON so that a person can read them. */
export function prettyDestination(output: NodeJS.WriteStream = process.stdout): DestinationStream {
  const hasColors = output.isTTY === true && output.hasColors?.() === true
  return {
    write(line) {
      // start-messages.ts says where the service is, with the address that people should use.
      if (!line.includes('"msg":"Server listening at ')) output.write(`${prettyLine(line, hasColors)}\n`)
    },
  }
}

const LEVELS: Readonly<Record<number, [name: string, color: number]>> = {
  10: ['TRACE', 90],
  20: ['DEBUG', 90],
  30: ['INFO', 32],
  40: ['WARN', 33],
  50: ['ERROR', 31],
  60: ['FATAL', 31],
}
const DIM = 90

interface LogEntry {
  level: number
  time: number
  msg?: string
  err?: { stack?: string; cause?: LogEntry['err'] }
  req?: { method: string; url: string }
  res?: { statusCode: number }
  responseTime?: number
  [field: string]: unknown
}

/** One log entry as a line, with the stack of its error below it. */
export function prettyLine(line: string, hasColors: boolean): string {
  const paint = (text: string, color: number) => (hasColors && text !== '' ? `\x1b[${color}m${text}\x1b[0m` : text)
  const { level, time, msg = '', pid, hostname, err, req, res, responseTime, ...fields } = JSON.parse(line) as LogEntry
  const [name, color] = LEVELS[level] ?? [String(level), DIM]
  const isRequest = req !== undefined && res !== undefined
  const text = isRequest ? `${req.method} ${req.url} ${res.statusCode} (${Math.round(responseTime ?? 0)} ms)` : msg
  const shown = Object.entries({ ...fields, ...(isRequest ? {} : { req, res }) })
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) => `${field}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const first = [
    paint(clockTime(time), DIM),
    paint(name.padEnd(5), color),
    printable(text),
    paint(printable(shown.join(' ')), DIM),
  ]
  return [first.filter(part => part !== '').join(' '), ...stackOf(err).map(each => `  ${printable(each)}`)].join('\n')
}

function clockTime(time: number): string {
  return new Date(time).toTimeString().slice(0, 8)
}

function stackOf(err: LogEntry['err']): string[] {
  if (err === undefined) return []
  const own = (err.stack ?? '').split('\n').filter(line => line !== '')
  const [first = '', ...more] = stackOf(err.cause)
  return first === '' ? own : [...own, `caused by: ${first}`, ...more]
}

/** A client could send characters that control the terminal, or change the direction of the text. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, each => `\\u{${each.codePointAt(0)!.toString(16)}}`)
}
