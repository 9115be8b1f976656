import t from 'tap'
import { withLetters } from '../support/letters.js'
import { PASSWORD, post, refresh, signIn, signUp } from '../support/people.js'

const PHONE = 'Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0'

t.test('a signed-in user learns that letters are sent nowhere, and no letter is written', async t => {
  const { app, database } = await withLetters(t)
  const ada = await signUp(app)
  await database.admin`delete from event_receivers`
  const headers = { authorization: `Bearer ${ada.accessToken}` }
  const change = { new_email: 'ada@example.org', password: PASSWORD }
  for (const answer of [
    await post(app, '/auth/verify-email/resend', {}, headers),
    await post(app, '/auth/email', change, headers),
  ])
    t.match([answer.statusCode, answer.json()], [403, { code: 'letters_not_sent' }])
  await app.context.letterWork.settled()
  t.same(await database.admin`select type from security_events where type like 'letter%'`, [])
})

t.test('“this was not me” secures the account, and says that no letter is sent', async t => {
  const test = await withLetters(t)
  const { app, database } = test
  const ada = await signUp(app)
  const thief = await signIn(app, ada.email, PHONE)
  await app.context.background.settled()
  const { token } = await test.letter('letter_new_device')
  await database.admin`delete from event_receivers`
  const answer = await post(app, '/auth/not-me', { token })
  t.match([answer.statusCode, answer.json()], [403, { code: 'letters_not_sent' }])
  t.equal((await refresh(app, thief.refreshToken)).statusCode, 401)
  t.equal((await post(app, '/auth/login', { email: ada.email, password: PASSWORD })).statusCode, 401)
})
