import t from 'tap'
import { disableUser } from '../../src/domain/accounts/administer-users.js'
import { withLetters } from '../support/letters.js'
import { PASSWORD, post, signUp } from '../support/people.js'

const NEW = 'another passphrase altogether'

t.test('a user who forgot the password gets a link in their language, and sets a new one with it', async t => {
  const test = await withLetters(t, { ACCOUNT_URL: 'https://example.com/me' })
  const { app } = test
  const ada = await signUp(app, 'ada@example.com')
  const headers = { 'accept-language': 'fr-CA,fr;q=0.9' }
  t.equal((await post(app, '/auth/forgot-password', { email: ' ADA@example.com' }, headers)).statusCode, 202)
  const letter = await test.letter('letter_password_reset')
  t.match(letter, { to: 'ada@example.com', language: 'fr', token: /^lk_pr_/, expires_at: String })
  t.equal(letter.link, `https://example.com/me#reset=${letter.token}&email=ada%40example.com`)

  const reset = await post(app, '/auth/reset-password', { token: letter.token, new_password: NEW })
  t.equal(reset.statusCode, 200)
  t.equal((await post(app, '/auth/login', { email: ada.email, password: PASSWORD })).statusCode, 401)
  t.equal((await post(app, '/auth/login', { email: ada.email, password: NEW })).statusCode, 200)
})

t.test('the events of the account say that a letter was asked for, and contain neither token nor address', async t => {
  const test = await withLetters(t)
  const ada = await signUp(test.app)
  await post(test.app, '/auth/forgot-password', { email: ada.email }, { 'user-agent': 'curl/8.0' })
  await test.letters()
  const [event] = await test.database.admin`
    select type, actor, ip::text, user_agent, details from security_events where type like 'letter%'`
  t.same(event, {
    type: 'letter_password_reset',
    actor: 'user',
    ip: '127.0.0.1/32',
    user_agent: 'curl/8.0',
    details: { language: 'en' },
  })
})

t.test('a disabled account gets no letter', async t => {
  const test = await withLetters(t)
  const ada = await signUp(test.app)
  await disableUser(test.app.context, ada.userId, 'test')
  t.equal((await post(test.app, '/auth/forgot-password', { email: ada.email })).statusCode, 202)
  t.same(await test.letters(), [])
})

t.test('a letter that waited until its token was replaced or had expired is not sent', async t => {
  const test = await withLetters(t)
  const { app, clock } = test
  const ada = await signUp(app)
  const ask = async () => {
    await post(app, '/auth/forgot-password', { email: ada.email })
    await app.context.letterWork.settled()
  }
  await test.hold(true)
  await ask()
  await ask()
  await test.hold(false)
  t.equal((await test.letters()).length, 1, 'only the newer one')
  await test.hold(true)
  await ask()
  await clock.advance(3601)
  await test.hold(false)
  t.equal((await test.letters()).length, 1)
})

t.test('a letter that was written with an older secret is sent while that secret is listed', async t => {
  const test = await withLetters(t)
  const ada = await signUp(test.app)
  await post(test.app, '/auth/forgot-password', { email: ada.email })
  await test.app.context.letterWork.settled()
  const old = test.config.refreshSecrets[0]
  const next = 'a refresh secret that came after the other one'
  const { app } = await test.another({ JWT_REFRESH_SECRET: `${next},${old}` })
  await app.context.dispatcher!.runNow()
  const { token } = await test.letter('letter_password_reset')
  t.equal((await post(app, '/auth/reset-password', { token, new_password: NEW })).statusCode, 200)
})

t.test('a webhook for all types gets no letter, not even when events are replayed', async t => {
  const test = await withLetters(t)
  const { app } = test
  const { startWebhookReceiver } = await import('../support/webhook-receiver.js')
  const { createWebhook } = await import('../../src/domain/webhooks/webhooks.js')
  const { replayEvents } = await import('../../src/domain/webhooks/replay.js')
  const receiver = await startWebhookReceiver(t, { clock: test.clock.now })
  const { webhook, secret } = await createWebhook(app.context, { url: receiver.url }, 'cli')
  receiver.secret = secret
  const since = new Date(test.clock.now() - 60_000)
  const ada = await signUp(app)
  await post(app, '/auth/forgot-password', { email: ada.email })
  t.equal((await test.letters()).length, 1)
  await replayEvents(app.context, webhook.id, { since, actor: 'cli' })
  await test.letters()
  const types = receiver.accepted.map(({ type }) => type)
  t.equal(types.filter(type => type === 'registered').length, 2, 'sent, and sent again')
  t.same(
    types.filter(type => type.startsWith('letter_')),
    [],
  )
})
