import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient } from '../support/clients.js'
import { signUp } from '../support/people.js'
import { PUSH, signalClient, startPushReceiver } from '../support/signals.js'

const REVOKED = 'https://schemas.openid.net/secevent/caep/event-type/session-revoked'

t.test('operators see the streams of all clients, what waits for them, and why it failed', async t => {
  const { app } = await buildTestApp(t, { DELIVERY_ALLOWED_NETWORKS: 'loopback' })
  const [polling, pushing] = [await signalClient(app), await signalClient(app)]
  await polling.create({ events_requested: [REVOKED], description: 'the wiki' })
  const receiver = await startPushReceiver(t)
  receiver.answer = response => response.writeHead(500).end()
  const delivery = { method: PUSH, endpoint_url: `${receiver.url}/secret-path`, authorization_header: 'Bearer hidden' }
  await pushing.create({ events_requested: [REVOKED], delivery })
  const ada = await signUp(app)
  await app.inject({ method: 'POST', url: '/auth/logout', headers: { authorization: `Bearer ${ada.accessToken}` } })
  await app.context.dispatcher!.runNow()

  const answer = await app.inject({ url: '/admin/streams', headers: await asClient(app, 'admin') })
  t.equal(answer.statusCode, 200)
  const shared = { status: 'enabled', events: [REVOKED], waiting: 1, abandoned: 0, client_name: String }
  t.match(answer.json().streams, [
    { ...shared, client_id: polling.id, delivery_method: 'poll', endpoint_host: null, description: 'the wiki' },
    {
      ...shared,
      client_id: pushing.id,
      delivery_method: 'push',
      endpoint_host: new URL(receiver.url).host,
      failing_since: String,
      last_error: 'the answer was 500, and not 202',
    },
  ])
  t.equal(answer.json().streams[0].last_error, null)
  t.notMatch(answer.body, /secret-path|hidden/)
  t.equal((await polling.send('GET', '/admin/streams')).statusCode, 403, 'not for the clients of streams')
})
