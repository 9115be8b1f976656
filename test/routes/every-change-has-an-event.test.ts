import t from 'tap'
import { createWebhook } from '../../src/domain/webhooks/webhooks.js'
import { newId } from '../../src/lib/ids.js'
import { changingRoutes } from '../attacks/every-route.js'
import { buildTestApp } from '../support/build-test-app.js'
import { clientToken, makeClient } from '../support/clients.js'
import { signIn, signUp } from '../support/people.js'

/** The body of a request to each route that changes something for administrators. */
const BODIES: Record<string, object | undefined> = {
  'POST /admin/users': { email: 'grace@example.com' },
  'PATCH /admin/users/:id': { roles: ['editor'] },
  'DELETE /admin/users/:id': undefined,
  'DELETE /admin/users/:id/deletion': undefined,
  'POST /admin/users/:id/disable': undefined,
  'POST /admin/users/:id/enable': undefined,
  'POST /admin/users/:id/temporary-password': undefined,
  'POST /admin/users/:id/password-reset': undefined,
  'POST /admin/users/:id/sessions': {},
  'DELETE /admin/users/:id/sessions': undefined,
  'DELETE /admin/users/:id/sessions/:session_id': undefined,
  'PUT /admin/users/:id/claims': { tenant: 'acme' },
  'PUT /admin/users/:id/metadata': { note: 'vip' },
  'POST /admin/revocations': { role: 'editor' },
  'POST /admin/webhooks': { url: 'https://receiver.invalid/' },
  'PATCH /admin/webhooks/:webhook_id': { types: ['registered'] },
  'DELETE /admin/webhooks/:webhook_id': undefined,
  'POST /admin/webhooks/:webhook_id/secret': undefined,
  'POST /admin/webhooks/:webhook_id/replay': undefined,
}

/** It sends one message, and changes nothing. */
const WITHOUT_EVENT = 'POST /admin/webhooks/:webhook_id/test'

t.test('every route with which an administrator changes something writes an event with the actor', async t => {
  const { app, database } = await buildTestApp(t, { DIALECTS: 'none' })
  const client = await makeClient(app, 'admin', 'sessions')
  await app.ready()
  const ids = newId()
  const routes = changingRoutes(app, ids).filter(({ url }) => url.startsWith('/admin/'))
  t.ok(routes.length >= 13)
  for (const { method, url } of routes) {
    const path = url
      .replace(`/users/${ids}`, '/users/:id')
      .replace(`/sessions/${ids}`, '/sessions/:session_id')
      .replace(`/webhooks/${ids}`, '/webhooks/:webhook_id')
    const name = `${method} ${path}`
    if (name === WITHOUT_EVENT) continue
    if (!t.ok(name in BODIES, `${name}: add its body here, and see that it writes an event`)) continue
    const user = await signUp(app)
    const { sessionId } = await signIn(app, user.email)
    if (path.endsWith('/deletion')) await app.context.db.users.requestDeletion(user.userId, 60)
    const { webhook } = await createWebhook(app.context, { url: 'https://receiver.invalid/' }, 'cli')
    const count = async () => {
      const [row] = await database.admin`select count(*)::int from security_events where actor = ${client.id}`
      return row!.count as number
    }
    const before = await count()
    const answer = await app.inject({
      method,
      url: name
        .slice(method.length + 1)
        .replace(':id', user.userId)
        .replace(':session_id', sessionId)
        .replace(':webhook_id', webhook.id),
      headers: { authorization: `Bearer ${await clientToken(app, client)}` },
      ...(BODIES[name] && { payload: BODIES[name] }),
    })
    t.ok(answer.statusCode < 300, `${name}: ${answer.body}`)
    t.equal(await count(), before + 1, name)
  }
})

t.test('patching the names of an account writes an event for each', async t => {
  const { app, database } = await buildTestApp(t)
  const client = await makeClient(app, 'admin')
  const user = await signUp(app)
  const headers = { authorization: `Bearer ${await clientToken(app, client)}` }
  const payload = { email: 'new@example.com', username: 'new' }
  await app.inject({ method: 'PATCH', url: `/admin/users/${user.userId}`, headers, payload })
  const events = await database.admin`select type from security_events where actor = ${client.id} order by type`
  t.same(
    events.map(({ type }) => type),
    ['email_changed', 'username_changed'],
  )
})
