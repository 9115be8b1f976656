import t from 'tap'
import { readConfig } from '../../src/config/config.js'
import { checkLetters } from '../../src/doctor/check-letters.js'
import { Findings } from '../../src/doctor/finding.js'
import { LETTER_TYPES } from '../../src/domain/letters/letters.js'
import { createWebhook } from '../../src/domain/webhooks/webhooks.js'
import { disableMail } from '../../src/mail/open-mail.js'
import type { LetterType } from '../../src/postgres/security-event-types.js'
import { buildTestApp, TEST_SECRETS, type TestApp } from '../support/build-test-app.js'
import { findFreePort } from '../support/free-port.js'
import { startMailServer } from '../support/smtp-server.js'

const MAIL_FROM = 'no-reply@shop.example'

/** What the check of letters finds, as `level check: message`. */
async function findingsOf({ database, config }: TestApp, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const { publicOrigin } = config
  const stores = { DATABASE_URL: database.url, REDIS_URL: 'redis://127.0.0.1:1', PUBLIC_ORIGIN: publicOrigin }
  const findings = new Findings()
  await checkLetters(readConfig({ NODE_ENV: 'test', ...TEST_SECRETS, ...stores, ...env }), findings)
  return findings.all.map(({ level, check, message }) => `${level} ${check}: ${message}`)
}

function addWebhook({ app }: TestApp, types: readonly LetterType[]) {
  return createWebhook(app.context, { url: 'https://mailer.example/', types }, 'cli')
}

t.test('letters that nobody takes are a warning, and a problem if registrations need them', async t => {
  const service = await buildTestApp(t)
  t.match(await findingsOf(service), [/^warning receivers: Nobody takes letters: set SMTP_URL/])
  t.match(await findingsOf(service, { REGISTRATION: 'verified' }), [/^problem receivers: .*so nobody can register/])
})

t.test('webhooks that take letters are named, with the types that none of them takes', async t => {
  const service = await buildTestApp(t)
  await addWebhook(service, ['letter_registration'])
  const [taken, missing] = await findingsOf(service, { REGISTRATION: 'verified' })
  t.match(taken, /^ok receivers: Webhooks take letters: [0-9a-f-]{36}\.$/)
  t.match(missing, /^warning receivers: Nobody takes letter_password_reset, /)
  t.notMatch(missing, /letter_registration/)
  await addWebhook(service, LETTER_TYPES)
  t.match(await findingsOf(service), [/^ok receivers: /])
})

t.test('a mail server is asked as for a mail, and nothing is sent', async t => {
  const server = await startMailServer(t)
  const service = await buildTestApp(t, { SMTP_URL: server.url, MAIL_FROM })
  const check = (SMTP_URL: string) => findingsOf(service, { SMTP_URL, MAIL_FROM })
  t.match(await check(server.url), [/^ok mail_server: .* accepts the connection and the password\.$/])
  t.same(server.mails, [])
  const wrong = await check(server.url.replace('p%40ss', 'wrong'))
  t.match(wrong, [/^problem mail_server: .*Correct SMTP_URL\.$/])
  t.notMatch(wrong, /wrong%2Fword/)
  t.match(await check(`smtp://127.0.0.1:${await findFreePort()}`), [/^problem mail_server: .*ECONNREFUSED/])
  await disableMail({ db: service.stores.db, log: { info() {}, warn() {}, error() {} } }, 'no answer for days')
  t.match((await check(server.url))[1], /^problem mail_disabled: .*no answer for days/)
})
