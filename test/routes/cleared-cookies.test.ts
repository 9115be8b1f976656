import t from 'tap'
import { buildTestApp, TEST_SECRETS } from '../support/build-test-app.js'
import { post, refresh, signUp } from '../support/people.js'

const NAME = '__Host-latchkey'

t.test('a refusal that means the session has ended clears its cookies', async t => {
  const { app, clock } = await buildTestApp(t, { ACCESS_COOKIE: 'on' })
  const refreshBy = (value: string, more: Record<string, string> = {}) =>
    app.inject({ method: 'POST', url: '/auth/refresh', cookies: { [NAME]: value, [`${NAME}-at`]: 'old', ...more } })
  const isCleared = (answer: { cookies: { name: string; value: string; maxAge?: number }[] }) =>
    [NAME, `${NAME}-at`].every(name => answer.cookies.some(c => c.name === name && c.value === '' && c.maxAge === 0))

  const revoked = await signUp(app)
  await post(app, '/auth/logout', { refresh_token: revoked.refreshToken })
  const stolen = await signUp(app)
  const expired = await signUp(app)
  const first = await refreshBy('lk_rt_made-up')
  t.equal(first.json().code, 'refresh_token_invalid')
  t.ok(isCleared(first))
  t.ok(isCleared(await app.inject({ method: 'POST', url: '/auth/logout', cookies: { [NAME]: 'lk_rt_made-up' } })))
  t.ok(isCleared(await refreshBy(revoked.refreshToken)))

  await clock.advance(3600)
  const second = await refresh(app, stolen.refreshToken)
  await clock.advance(3600)
  await refresh(app, second.json().refresh_token)
  await clock.advance(3600)
  const superseded = await refreshBy(stolen.refreshToken)
  t.equal(superseded.json().code, 'refresh_token_superseded')
  t.notOk('ticket' in superseded.json(), 'a browser gets the ticket only as a cookie')
  t.match(
    superseded.cookies.map(({ name }) => name),
    [`${NAME}-ticket`],
    'its refresh cookie is not changed',
  )
  const ticket = superseded.cookies[0]!.value
  t.match(superseded.cookies[0], { httpOnly: true, secure: true, sameSite: 'Strict', path: '/', maxAge: 7 * 86_400 })
  const reused = await refreshBy(stolen.refreshToken, { [`${NAME}-ticket`]: ticket })
  t.equal(reused.json().code, 'refresh_token_reused')
  t.ok(reused.cookies.some(({ name, maxAge }) => name === `${NAME}-ticket` && maxAge === 0))
  t.ok(isCleared(reused))
  await clock.advance(60 * 86_400)
  t.ok(isCleared(await refreshBy(expired.refreshToken)))
})

t.test('a refusal for any other reason clears no cookie', async t => {
  const { app, stores, another } = await buildTestApp(t)
  const ada = await signUp(app)
  const cookies = { [NAME]: ada.refreshToken }
  const crossSite = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  const refused = await app.inject({ method: 'POST', url: '/auth/refresh', cookies, headers: crossSite })
  t.match(refused, { statusCode: 403, cookies: [] })
  const both = await app.inject({
    method: 'POST',
    url: '/auth/refresh',
    cookies,
    payload: { refresh_token: ada.refreshToken },
  })
  t.match(both, { statusCode: 400, cookies: [] })

  const limited = await another({ RATE_LIMIT: 'on', RATE_LIMIT_PER_ADDRESS: '1', ...TEST_SECRETS })
  const ask = () => limited.app.inject({ method: 'POST', url: '/auth/refresh', cookies })
  await ask()
  const tooMany = await ask()
  t.equal(tooMany.statusCode, 429)
  t.strictSame(tooMany.cookies, [])

  await stores.close()
  const away = await app.inject({ method: 'POST', url: '/auth/refresh', cookies })
  t.ok(away.statusCode >= 500)
  t.strictSame(away.cookies, [])
  t.strictSame((await refresh(app, 'lk_rt_made-up')).cookies, [], 'a refused token in the body clears no cookie')
})
