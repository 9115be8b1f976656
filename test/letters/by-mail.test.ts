import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import t, { type Test } from 'tap'
import { readLetter } from '../../src/domain/letters/letters.js'
import { createWebhook } from '../../src/domain/webhooks/webhooks.js'
import { openMailSender } from '../../src/mail/open-mail.js'
import type { SecurityEvent } from '../../src/postgres/security-events.js'
import { loggerOptions } from '../../src/server/logging.js'
import { buildTestApp } from '../support/build-test-app.js'
import { askForDeletion } from '../support/deletions.js'
import { PASSWORD, post, signUp } from '../support/people.js'
import { startMailServer } from '../support/smtp-server.js'

async function withMail(t: Test, overrides: NodeJS.ProcessEnv = {}) {
  const server = await startMailServer(t)
  const settings = { SMTP_URL: server.url, MAIL_FROM: 'The Shop <no-reply@shop.example>', ACCOUNT_NAME: 'The Shop' }
  const service = await buildTestApp(t, { ...settings, ...overrides })
  const { context } = service.app
  return {
    ...service,
    server,
    async forgot(email: string, language = 'en') {
      await post(service.app, '/auth/forgot-password', { email }, { 'accept-language': language })
      await context.letterWork.settled()
      await context.dispatcher!.runNow()
    },
  }
}

/** The parts of a mail, decoded. */
function read(source: string) {
  const [head = '', ...rest] = source.split('\r\n\r\n')
  const boundary = /boundary="([^"]+)"/.exec(head)?.[1]
  const body = rest.join('\r\n\r\n')
  const parts = boundary === undefined ? [source] : body.split(`--${boundary}`).slice(1, -1)
  const decode = (part: string) => {
    const at = part.indexOf('\r\n\r\n')
    const [headers, content] = [part.slice(0, at), part.slice(at + 4)]
    if (/base64/i.test(headers)) return Buffer.from(content, 'base64').toString()
    if (!/quoted-printable/i.test(headers)) return content
    const bytes = content
      .replace(/=\r\n/g, '')
      .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
    return Buffer.from(bytes, 'latin1').toString()
  }
  const [text = '', html = ''] = parts.map(decode)
  return { head: head.replace(/\r\n\s+/g, ' '), text, html }
}

t.test('a letter arrives as text and HTML, and its link works', async t => {
  const { app, server, forgot } = await withMail(t)
  const ada = await signUp(app)
  await forgot(ada.email)
  t.match(server.mails, [{ from: 'no-reply@shop.example', to: [ada.email] }])
  const { head, text, html } = read(server.mails[0]!.source)
  t.match(head, /^From: The Shop <no-reply@shop\.example>$/m)
  t.match(head, new RegExp(`^To: ${ada.email}$`, 'm'))
  t.match(head, /^Subject: =\?UTF-8\?.*|^Subject: Choose a new password/m)
  t.match(head, /^Auto-Submitted: auto-generated$/m)
  t.match(head, /^Message-ID: <[0-9a-f-]{36}@shop\.example>$/m)
  const [, token] = /\/account#reset=(lk_pr_[\w-]+)&email=/.exec(text)!
  t.match(html, `#reset=${token}&amp;email=`)
  t.match(text, 'your account at The Shop')
  const reset = await post(app, '/auth/reset-password', { token, new_password: 'another passphrase altogether' })
  t.equal(reset.statusCode, 200)
})

t.test('a letter is in the language of the request', async t => {
  const { app, server, forgot } = await withMail(t)
  const ada = await signUp(app)
  for (const language of ['fr', 'es', 'de']) await forgot(ada.email, language)
  const texts = server.mails.map(({ source }) => read(source).text)
  t.match(texts, [/mot de passe\u00a0:\r/, /contraseña nueva:\r/, /new password:\r/])
})

t.test('the letter about a deletion says when the account is deleted, in the language of the request', async t => {
  const { app, server } = await withMail(t)
  for (const language of ['en', 'fr', 'es']) {
    const ada = await signUp(app)
    const answer = await askForDeletion(app, ada, PASSWORD, { 'accept-language': language })
    await app.context.background.settled()
    await app.context.dispatcher!.runNow()
    const form = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })
    const { text, html } = read(server.mails.find(({ to }) => to.includes(ada.email))!.source)
    const date = `${form.format(new Date(answer.json().delete_at))} UTC`
    t.ok(text.includes(date) && html.includes(date), language)
    t.notMatch(text, /\{\{/)
  }
})

t.test('a mail server that is down for a while gets the letter later', async t => {
  const { app, clock, server, forgot } = await withMail(t)
  const ada = await signUp(app)
  server.refuse(ada.email, 451)
  await forgot(ada.email)
  t.equal(server.mails.length, 0)
  server.refuse(ada.email, undefined)
  await clock.advance(10)
  await app.context.dispatcher!.runNow()
  t.equal(server.mails.length, 1)
})

t.test('addresses that do not exist do not hold up the letters of others', async t => {
  const { app, server, forgot, database } = await withMail(t)
  const people = await Promise.all(Array.from({ length: 7 }, () => signUp(app)))
  const [ada, ...gone] = people
  for (const { email } of gone) server.refuse(email, 550)
  for (const { email } of gone) await forgot(email)
  await forgot(ada!.email)
  t.match(server.mails, [{ to: [ada!.email] }])
  const rows = await database.admin`select reason, abandoned_at from deliveries`
  t.equal(rows.length, 6)
  t.ok(rows.every(({ reason, abandoned_at }) => abandoned_at && /no such user/.test(reason)))
})

t.test('an operator replaces the texts', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'templates-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'password_reset.fr.txt'), 'Subject: Bonjour {{to}}\n\n{{name}} : {{link}}\n')
  writeFileSync(join(folder, 'password_reset.fr.html'), '<p>{{name}}: <a href="{{link}}">ici</a>')
  writeFileSync(join(folder, 'password_reset.txt'), 'Subject: Hello\n{{token}}')
  const { app, server, forgot } = await withMail(t, { MAIL_TEMPLATES: folder, ACCOUNT_NAME: 'A & <B>' })
  const ada = await signUp(app, 'ada@example.com')
  await forgot(ada.email, 'fr')
  await forgot(ada.email, 'es')
  const [french, other] = server.mails.map(({ source }) => read(source))
  t.match(french!.head, /^Subject: Bonjour ada@example\.com$/m)
  t.match(french!.text, /^A & <B> : http:\/\/localhost:3000\/account#reset=lk_pr_[\w-]+&email=ada%40example\.com/)
  t.match(
    french!.html,
    /^<p>A &amp; &lt;B&gt;: <a href="http:\/\/localhost:3000\/account#reset=lk_pr_[\w-]+&amp;email=/,
  )
  t.match(other!.head, /^Subject: Hello$/m)
  t.match(other!.head, /^Content-Type: text\/plain/m, 'without a part in HTML')
})

t.test('a template that cannot be used stops the start, and the message says why', async t => {
  const { readTemplates } = await import('../../src/mail/templates.js')
  const mistakes: [name: string, content: string, message: RegExp][] = [
    ['pasword_reset.txt', 'Subject: x', /no letter has this name: the names are password_reset, registration/],
    ['password_reset.de.txt', 'Subject: x', /no letter has this name/],
    ['password_reset.txt', 'Hello', /the first line of password_reset\.txt must be "Subject: …"/],
    ['password_reset.txt', 'Subject: x\n{{user}}', /\{\{user\}\} in password_reset\.txt: the words are name, to, link/],
    ['password_reset.html', '<p>', /no password_reset\.txt with its subject/],
  ]
  for (const [name, content, message] of mistakes) {
    const folder = mkdtempSync(join(tmpdir(), 'templates-'))
    writeFileSync(join(folder, name), content)
    await t.rejects(readTemplates(folder), { message })
    rmSync(folder, { recursive: true })
  }
})

t.test('in embedded mode the terminal shows letters, except those that go to a webhook', async t => {
  const { app, config, database } = await withMail(t)
  const { db } = app.context
  const lines: string[] = []
  const log = { info: (line: string) => lines.push(line), warn: () => {}, error: () => {} }
  const options = { db, log, readLetter: (event: SecurityEvent) => readLetter(app.context, event) }
  const sender = await openMailSender({ ...config, smtp: undefined, mode: 'embedded' }, options)
  await database.admin`update event_receivers set paused_until = 'infinity'`
  const ada = await signUp(app)
  await post(app, '/auth/forgot-password', { email: ada.email })
  await app.context.letterWork.settled()
  const [receiver] = await db.eventReceivers.all('mail')
  const [delivery] = await db.deliveries.due(receiver!.id, 1)
  const due = { ...delivery!, event: { ...delivery!.event!, at: new Date(delivery!.event!.at) } }
  const send = () => sender.send(receiver!, due, AbortSignal.timeout(10_000))
  t.same(await send(), { outcome: 'delivered' })
  t.match(lines, [new RegExp(`A letter to ${ada.email}[^]*#reset=lk_pr_`)])
  await createWebhook(app.context, { url: 'https://example.com', types: ['letter_password_reset'] }, 'cli')
  t.same(await send(), { outcome: 'delivered' })
  t.equal(lines.length, 1)
})

t.test('without SMTP_URL nothing waits for a mail server, also after it was set once', async t => {
  const { another, app, database } = await withMail(t)
  const ada = await signUp(app)
  await database.admin`update event_receivers set paused_until = 'infinity'`
  await post(app, '/auth/forgot-password', { email: ada.email })
  await app.context.letterWork.settled()
  t.equal((await database.admin`select 1 from deliveries`).length, 1)
  await another({ SMTP_URL: '', MAIL_FROM: '' })
  t.same([...(await database.admin`select 1 from deliveries union all select 1 from event_receivers`)], [])
})

t.test('REGISTRATION=verified without a receiver of its letters is a warning at start', async t => {
  const warningsWith = async (overrides: NodeJS.ProcessEnv) => {
    const lines: string[] = []
    const log = pino(loggerOptions('warn'), { write: (line: string) => void lines.push(line) }) as never
    await buildTestApp(t, overrides, { log })
    return lines.map(line => JSON.parse(line).msg).filter(message => /letters go nowhere/.test(message))
  }
  t.match(await warningsWith({ REGISTRATION: 'verified' }), [/SMTP_URL and MAIL_FROM.*a webhook that names/])
  const { url } = await startMailServer(t)
  t.same(await warningsWith({ REGISTRATION: 'verified', SMTP_URL: url, MAIL_FROM: 'a@shop.example' }), [])
  t.same(await warningsWith({}), [])
})
