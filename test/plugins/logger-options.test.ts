import t from 'tap'
import { buildToyApp } from '../support/toy-app.js'

const CANARY = 'canary-77ab'

t.test('a request is one line: method, path, address and status', async t => {
  const { app, lines } = await buildToyApp(t, { trustProxy: ['127.0.0.0/8'] })
  await app.inject({ url: '/thing/7', headers: { 'x-forwarded-for': '198.51.100.7' } })
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0]!), {
    req: { method: 'GET', url: '/thing/7', remoteAddress: '198.51.100.7' },
    res: { statusCode: 200 },
    msg: 'request completed',
  })
})

t.test('a query string, a body, a credential and a cookie do not reach the log', async t => {
  const { app, lines } = await buildToyApp(t, {
    routes: app => {
      app.get('/sets', async (_request, reply) => reply.setRefreshCookie(CANARY, 60).send({}))
    },
  })
  const headers = { authorization: `Bearer ${CANARY}`, cookie: `__Host-latchkey=${CANARY}` }
  await app.inject({ url: `/thing/7?token=${CANARY}`, headers })
  await app.inject({ url: `/nowhere?token=${CANARY}`, headers })
  await app.inject({ url: `/thing/%E0%A4%A?token=${CANARY}`, headers })
  await app.inject({ method: 'POST', url: '/echo', payload: { email: CANARY, password: CANARY } })
  await app.inject({
    method: 'POST',
    url: '/echo',
    payload: `{"${CANARY}`,
    headers: { 'content-type': 'application/json' },
  })
  await app.inject('/sets')
  t.ok(lines.length >= 5, 'and they were logged')
  t.notMatch(lines.join(), CANARY)
})

t.test('headers that someone logs by hand are redacted', async t => {
  const { log, lines } = await buildToyApp(t)
  const headers = { authorization: CANARY, cookie: CANARY, 'set-cookie': CANARY }
  log.info({ headers }, 'a')
  log.info(headers, 'b')
  log.child({ headers }).info('c')
  t.equal(lines.length, 3)
  t.notMatch(lines.join(), CANARY)
})

t.test('an error logged by hand, without a message, keeps what it quotes to itself', async t => {
  const { log, lines } = await buildToyApp(t)
  const error = Object.assign(new Error(`Failed query\nparams: ${CANARY}`), { query: 'select $1', params: [CANARY] })
  log.error(error)
  log.error({ err: error })
  log.error({ err: new Error('wrapped', { cause: error }) })
  log.error({ err: Object.assign(new Error('refused'), { command: { name: 'set', args: [CANARY] } }) })
  t.equal(lines.length, 4)
  t.notMatch(lines.join(), CANARY)
  t.match(lines[2], 'wrapped', 'other errors keep their message')
})

t.test('a request id is ours, whatever the client sends', async t => {
  const { app, lines } = await buildToyApp(t)
  await app.inject({ url: '/thing/7', headers: { 'request-id': CANARY, 'x-request-id': CANARY } })
  t.match(JSON.parse(lines[0]!).reqId, /^[0-9a-f-]{36}$/)
})
