import pino from 'pino'
import t from 'tap'
import { issuePasswordReset } from '../../src/domain/passwords/password-reset.js'
import { loggerOptions } from '../../src/server/logging.js'
import { buildTestApp } from '../support/build-test-app.js'
import { PASSWORD, post, signUp } from '../support/people.js'
import { startMailServer } from '../support/smtp-server.js'

t.test('addresses that a mail server refuses for now do not hold up the letters of others', async t => {
  const server = await startMailServer(t)
  const { app, clock, database } = await buildTestApp(t, {
    ...{ SMTP_URL: server.url, MAIL_FROM: 'no-reply@shop.example', REGISTRATION: 'verified' },
  })
  const { letterWork, dispatcher } = app.context
  // Such as Postfix answers if a domain is not found.
  const unknown = Array.from({ length: 20 }, (_, index) => `x${index}@not-found.example`)
  for (const email of unknown) server.refuse(email, 450)
  const register = (email: string) => post(app, '/auth/register', { email, password: PASSWORD })
  await Promise.all(unknown.map(register))
  await letterWork.settled()
  await dispatcher!.runNow()
  await register('victim@example.com')
  await letterWork.settled()
  await dispatcher!.runNow()
  t.match(server.mails, [{ to: ['victim@example.com'] }])

  const [late, ...others] = unknown
  server.refuse(late!, undefined)
  await clock.advance(10)
  await dispatcher!.runNow()
  t.match(server.mails.at(-1), { to: [late] }, 'and they are tried again')
  const [receiver] = await database.admin`select failures from event_receivers`
  t.equal(receiver!.failures, 0)
  t.equal((await database.admin`select id from deliveries where abandoned_at is null`).length, others.length)
})

t.test(
  'where letters go nowhere, nobody makes the token of an administrator useless, and the log says why',
  async t => {
    const lines: string[] = []
    const log = pino(loggerOptions('info'), { write: (line: string) => void lines.push(line) }) as never
    const { app, database } = await buildTestApp(t, {}, { log })
    const ada = await signUp(app)
    const { token } = await issuePasswordReset(app.context, ada.userId, 'cli')
    for (const email of [ada.email, 'nobody@example.com'])
      t.equal((await post(app, '/auth/forgot-password', { email })).statusCode, 202)
    await app.context.letterWork.settled()
    const written = await database.admin`select type from security_events where type like 'letter%'`
    t.equal(written.length, 0)
    const said = lines.filter(line => line.includes('letter_password_reset is sent nowhere'))
    t.equal(said.length, 1, 'once')
    t.notMatch(said[0], ada.email)
    const reset = { token, new_password: 'another passphrase altogether', transport: 'body' }
    t.equal((await post(app, '/auth/reset-password', reset)).statusCode, 200)
  },
)
