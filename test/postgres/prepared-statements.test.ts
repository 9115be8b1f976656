import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { get, PASSWORD, post, refreshed, signIn, signUp, verify } from '../support/people.js'
import { sentStatements } from '../support/sent-statements.js'

for (const DATABASE_PREPARE of ['on', 'off']) {
  t.test(
    `all everyday requests use only prepared statements and succeed with DATABASE_PREPARE=${DATABASE_PREPARE}`,
    async t => {
      const { app } = await buildTestApp(t, { DATABASE_PREPARE })
      const { email } = await signUp(app)

      const sent = await sentStatements(async () => {
        const laptop = await signIn(app, email)
        const phone = await signIn(app, email, 'Mozilla/5.0 (Android 15; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0')
        const tablet = await signIn(app, email)
        await refreshed(app, tablet.refreshToken)
        t.equal((await get(app, '/auth/profile', laptop.accessToken)).statusCode, 200)
        const list = await get(app, '/auth/sessions', laptop.accessToken)
        t.equal(list.json().length, 4)

        const authorization = `Bearer ${laptop.accessToken}`
        const ended = await app.inject({
          method: 'DELETE',
          url: `/auth/sessions/${phone.sessionId}`,
          headers: { authorization },
        })
        t.equal(ended.statusCode, 204)
        t.equal(await verify(app, phone.accessToken), 'token_revoked')
        const others = await app.inject({ method: 'DELETE', url: '/auth/sessions/others', headers: { authorization } })
        t.equal(others.statusCode, 204)
        t.equal((await post(app, '/auth/logout', {}, { authorization })).statusCode, 204)
        const wrong = await post(app, '/auth/login', { email, password: `${PASSWORD}?` })
        t.equal(wrong.statusCode, 401)
      })

      t.ok(sent.length > 20)
      const built = sent.filter(({ isPrepared }) => !isPrepared).map(({ text }) => text)
      t.strictSame([...new Set(built)], [])
    },
  )
}
