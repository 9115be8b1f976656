import { PassThrough } from 'node:stream'
import { pino } from 'pino'
import t from 'tap'
import { loggerOptions } from '../../src/server/logging.js'
import { isForPeople, prettyDestination } from '../../src/server/pretty-log.js'

/** What a person sees of these log calls, without the times. */
function shown(write: (log: pino.Logger) => void): string[] {
  const output = new PassThrough()
  write(pino(loggerOptions('debug'), prettyDestination(output as unknown as NodeJS.WriteStream)))
  const lines = String(output.read() ?? '').split('\n')
  return lines.slice(0, -1).map(line => line.replace(/^\d\d:\d\d:\d\d /, ''))
}

t.test('a log entry is one line with its level, its message and its fields', async t => {
  t.strictSame(
    shown(log => {
      log.info('ready')
      log.warn({ user: 'ada', count: 2, list: [1] }, 'careful')
      log.child({ reqId: '7' }).error('no message of its own')
    }),
    ['INFO  ready', 'WARN  careful user=ada count=2 list=[1]', 'ERROR no message of its own reqId=7'],
  )
})

t.test('a request is one line', async t => {
  const req = { method: 'GET', url: '/auth/profile?token=canary', ip: '127.0.0.1', headers: {} }
  t.strictSame(
    shown(log => log.info({ req, res: { statusCode: 401 }, responseTime: 2.7 }, 'request completed')),
    ['INFO  GET /auth/profile 401 (3 ms)'],
  )
})

t.test('an error is shown with its stack and its cause, but without quoted values', async t => {
  const cause = Object.assign(new Error('Failed query: canary'), { query: 'select 1', params: ['canary'] })
  const lines = shown(log => log.error({ err: new Error('outer', { cause }) }, 'it failed'))
  t.equal(lines[0], 'ERROR it failed')
  t.match(lines[1], /^ {2}Error: outer$/)
  t.match(lines[2], /^ {6}at /)
  t.match(lines.join('\n'), /^ {2}caused by: +at /m)
  t.notMatch(lines.join('\n'), /canary/)
})

t.test('characters that control a terminal, or the direction of text, are shown as codes', async t => {
  t.strictSame(
    shown(log => log.info({ name: 'a\x1b[31m\u202eb' }, 'one\ntwo\x07')),
    ['INFO  one\\u{a}two\\u{7} name=a\\u{1b}[31m\\u{202e}b'],
  )
})

t.test('LOG_FORMAT decides who reads the log, and without it a terminal does', async t => {
  t.equal(isForPeople('pretty'), true)
  t.equal(isForPeople('json'), false)
  const before = Object.getOwnPropertyDescriptor(process.stdout, 'isTTY')
  t.teardown(() => Object.defineProperty(process.stdout, 'isTTY', before ?? { value: undefined, configurable: true }))
  for (const isTTY of [true, false]) {
    Object.defineProperty(process.stdout, 'isTTY', { value: isTTY, configurable: true })
    t.equal(isForPeople('auto'), isTTY)
    t.equal(isForPeople('json'), false)
  }
})
