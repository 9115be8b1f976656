import t from 'tap'
import { until } from '../support/eventually.js'
import { follow } from '../support/feed-follower.js'
import { listen } from '../support/raw-request.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { buildApplication } from './application.js'

t.test('the feed of an application that contains Latchkey ends with the application', async t => {
  const { app, settings } = await buildApplication(t)
  const url = `http://127.0.0.1:${await listen(app)}`
  const env = { NODE_ENV: 'test', ...settings }
  const made = await runLatchkey(['clients', 'create', 'shop', '--scope', 'revocations', '--json'], { env })
  const { client_id, client_secret } = JSON.parse(made.stdout)
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret })
  const granted = await fetch(`${url}/oauth/token`, { method: 'POST', body })
  const { access_token: token } = (await granted.json()) as { access_token: string }
  const follower = await follow(t, { url, token }).complete()

  const registered = await fetch(`${url}/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"email":"ada@example.com","password":"a passphrase nobody would guess","transport":"body"}',
  })
  const { session_id, access_token } = (await registered.json()) as { session_id: string; access_token: string }
  await fetch(`${url}/auth/logout`, { method: 'POST', headers: { authorization: `Bearer ${access_token}` } })
  await until(() => follower.sessionIds.includes(session_id))

  await app.close()
  await until(() => follower.isEnded)
  t.ok(follower.isComplete)
})
