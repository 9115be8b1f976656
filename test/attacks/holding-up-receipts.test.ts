import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { newId } from '../../src/lib/ids.js'
import { MOST_LIVE_PER_CLIENT } from '../../src/postgres/verifiers.js'
import { buildTestApp } from '../support/build-test-app.js'
import { clientToken, makeClient } from '../support/clients.js'
import { until } from '../support/eventually.js'
import { follow } from '../support/feed-follower.js'
import { listen } from '../support/raw-request.js'

async function start(t: Test) {
  const test = await buildTestApp(t)
  const port = await listen(test.app)
  const client = await makeClient(test.app, 'revocations')
  const token = await clientToken(test.app, client)
  const count = async (where = test.database.admin`true`) => {
    const [row] = await test.database.admin`select count(*)::int as n from verifiers where ${where}`
    return row!.n as number
  }
  return { ...test, port, url: `http://127.0.0.1:${port}`, client, token, count }
}

/** A list that is larger than what the kernel takes for a client that reads nothing, which is some megabytes. */
async function addRevocations({ database, app }: Awaited<ReturnType<typeof start>>): Promise<void> {
  await database.admin`
    insert into revocations (kind, subject, reason, expires_at)
    select 'session', gen_random_uuid() || repeat('0', 10000), 'logout', now() + interval '1 hour'
    from generate_series(1, 1500)`
  await app.context.revocations.readJournal()
}

t.test('a verifier that leaves before it has the list holds up no receipt', { timeout: 60_000 }, async t => {
  const test = await start(t)
  const { app, port, token, client, database, count } = test
  await addRevocations(test)
  const stall = (verifier: string, header = '') => {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    t.teardown(() => socket.destroy())
    socket.pause()
    const path = `/auth/revocations?verifier=${verifier}&max_staleness=3600`
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n${header}\r\n`)
    return socket
  }
  const sockets = Array.from({ length: 20 }, () => stall(newId()))
  await until(async () => (await count()) === 20, 'all are registered')
  await until(() => app.context.feed.counts.verifiers === 20)
  t.match(await app.context.receipts.wait(0), { is: 'pending', total: 20 })
  for (const socket of sockets) socket.destroy()
  await until(async () => (await count()) === 0, 'none is left')
  t.same(await app.context.receipts.wait(2), { is: 'complete' })

  const known = newId()
  await database.admin`
    insert into verifiers (id, client_id, name, instance, connection_id, server_start, max_staleness_seconds,
      connected_at, disconnected_at, live_until)
    values (${known}, ${client.id}, 'known', 'other', gen_random_uuid(), '1', 60, now(), now(), now() + interval '1 minute')`
  await until(() => app.context.feed.counts.followers === 0)
  const again = stall(known)
  await until(() => app.context.feed.counts.verifiers === 1)
  again.destroy()
  await until(() => app.context.feed.counts.verifiers === 0)
  const withOlderList = stall(newId(), 'Last-Event-ID: 1:1\r\n')
  await until(() => app.context.feed.counts.verifiers === 1)
  withOlderList.destroy()
  await until(async () => (await count(test.database.admin`disconnected_at is not null`)) === 2)
  t.match(await app.context.receipts.wait(0), { is: 'pending', total: 2 }, 'those that may have a list are waited for')
})

t.test('one client cannot register verifiers without end', { timeout: 60_000 }, async t => {
  const { app, token, url, client, database, count } = await start(t)
  await database.admin`
    insert into verifiers (id, client_id, name, instance, connection_id, server_start, max_staleness_seconds,
      connected_at, disconnected_at, live_until)
    select gen_random_uuid(), ${client.id}, 'evil', 'gone', gen_random_uuid(), '1', 3600, now(), now(),
      now() + interval '1 hour' from generate_series(1, ${MOST_LIVE_PER_CLIENT - 3})`
  const all = Array.from({ length: 12 }, () => follow(t, { url, token, query: { verifier: newId() } }))
  const statuses = await Promise.all(all.map(follower => follower.answered()))
  t.equal(statuses.filter(status => status === 200).length, 3)
  t.equal(await count(), MOST_LIVE_PER_CLIENT)
  const refused = all.find(({ status }) => status === 503)!
  t.match(JSON.parse(refused.body), { code: 'too_many_followers', detail: /live verifiers/ })
  t.ok(Number(refused.headers['retry-after']) > 0)

  const [known] = await database.admin`select id from verifiers where instance = 'gone' limit 1`
  t.equal(await follow(t, { url, token, query: { verifier: known!.id } }).answered(), 200, 'a live one connects again')
  const other = await clientToken(app, await makeClient(app, 'revocations'))
  t.equal(await follow(t, { url, token: other, query: { verifier: newId() } }).answered(), 200, 'nor another client')
})
