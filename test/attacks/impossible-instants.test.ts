import t from 'tap'
import { createWebhook } from '../../src/domain/webhooks/webhooks.js'
import { newId } from '../../src/lib/ids.js'
import { buildTestApp } from '../support/build-test-app.js'
import { clientToken, makeClient } from '../support/clients.js'

const cursorOf = (...parts: string[]) => Buffer.from(JSON.stringify(parts)).toString('base64url')

/** Times that a schema or JavaScript reads, and Postgres does not. */
const INSTANTS = ['0000-01-01T00:00:00Z', '9999-12-31T23:59:59-23:59', '0000-12-31T23:59:59+23:59']

t.test('a time that Postgres cannot read is refused, and is no internal error', async t => {
  const { app } = await buildTestApp(t, { DELIVERY_ALLOWED_NETWORKS: 'loopback' })
  const { context } = app
  const { webhook } = await createWebhook(context, { url: 'http://127.0.0.1:9/', types: null }, 'cli')
  const { id } = webhook
  const headers = { authorization: `Bearer ${await clientToken(app, await makeClient(app, 'admin'))}` }
  for (const instant of INSTANTS) {
    for (const name of ['since', 'until']) {
      const url = `/admin/events?${new URLSearchParams({ [name]: instant })}`
      t.match((await app.inject({ url, headers })).json(), { status: 400, errors: [{ field: name }] }, url)
    }
    const payload = { since: instant }
    const replay = await app.inject({ method: 'POST', url: `/admin/webhooks/${id}/replay`, headers, payload })
    t.match(replay.json(), { status: 400, errors: [{ field: 'since' }] }, `replay since ${instant}`)
  }
  const cursor = cursorOf('0000-01-01T00:00:00Z', newId())
  t.match((await app.inject({ url: `/admin/events?cursor=${cursor}`, headers })).json(), { status: 400 }, 'a cursor')
  for (const at of [
    '0000-01-01 00:00:00+00',
    '2026-02-30 00:00:00+00',
    '2026-01-01 00:00:00+99',
    '2026-01-01 00:00:00+00:99',
  ])
    for (const parts of [
      [at, newId(), '2026-01-01 00:00:00+00'],
      ['2026-01-01 00:00:00+00', newId(), at],
    ]) {
      const payload = { cursor: cursorOf(...parts) }
      const replay = await app.inject({ method: 'POST', url: `/admin/webhooks/${id}/replay`, headers, payload })
      t.match(replay.json(), { status: 400, errors: [{ field: 'cursor' }] }, parts.join())
    }
})
