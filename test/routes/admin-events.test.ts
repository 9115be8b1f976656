import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient, clientToken, makeClient, signUpAdmin } from '../support/clients.js'
import { get, signIn, signUp } from '../support/people.js'

interface Page {
  events: { id: string; type: string; user_id: string | null; actor: string; at: string }[]
  next_cursor: string | null
}

async function start(t: Parameters<typeof buildTestApp>[0]) {
  const test = await buildTestApp(t)
  const client = await makeClient(test.app, 'admin')
  const headers = { authorization: `Bearer ${await clientToken(test.app, client)}` }
  const page = async (query: Record<string, string>): Promise<Page> =>
    (await test.app.inject({ url: `/admin/events?${new URLSearchParams(query)}`, headers })).json()
  return {
    ...test,
    client,
    headers,
    page,
    /** All pages of two events. */
    async all(query: Record<string, string>) {
      const found: Page['events'] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const { events, next_cursor }: Page = await page({ limit: '2', ...query, ...(cursor && { cursor }) })
        found.push(...events)
        cursor = next_cursor
      }
      return found
    },
  }
}

t.test('events of all accounts are found by type, account, actor and time', async t => {
  const { app, client, headers, all, clock } = await start(t)
  const ada = await signUp(app)
  const bob = await signUp(app)
  await signIn(app, bob.email)
  const root = await signUpAdmin(app)
  await clock.advance(60)
  const between = new Date(clock.now() - 30_000).toISOString()
  const patch = (id: string, authorization: string) =>
    app.inject({
      method: 'PATCH',
      url: `/admin/users/${id}`,
      headers: { authorization },
      payload: { roles: ['editor'] },
    })
  t.equal((await patch(ada.userId, headers.authorization)).statusCode, 200)
  t.equal((await patch(bob.userId, `Bearer ${root.accessToken}`)).statusCode, 200)
  const types = async (query: Record<string, string>) => (await all(query)).map(({ type }) => type)

  t.same(await types({ user_id: bob.userId }), ['roles_changed', 'signed_in', 'registered'])
  t.same(await types({ type: 'roles_changed, user_deleted' }), ['roles_changed', 'roles_changed'])
  t.same(await types({ type: 'registered', user_id: ada.userId }), ['registered'])
  t.match(await all({ actor: client.id }), [{ type: 'roles_changed', user_id: ada.userId, actor: client.id }])
  t.match(await all({ actor: root.userId }), [{ type: 'roles_changed', user_id: bob.userId }])
  t.ok((await all({ actor: 'user' })).length >= 4)
  t.same(await types({ since: between }), ['roles_changed', 'roles_changed'])
  t.same(await types({ until: between, user_id: bob.userId }), ['signed_in', 'registered'])
  t.same(await types({ since: between, until: between }), [])
  t.same(await types({ actor: '00000000-0000-7000-8000-000000000000' }), [])
})

t.test('pages neither repeat nor hide an event while events are written and deleted', async t => {
  const { app, page, database } = await start(t)
  // Several events of the same instant, as a transaction writes them.
  await database.admin`insert into security_events (id, type, actor)
    select gen_random_uuid(), 'signed_out', 'user' from generate_series(1, 7)`
  const seen = new Set<string>()
  let cursor: string | null = ''
  while (cursor !== null) {
    const { events, next_cursor }: Page = await page({ type: 'signed_out', limit: '3', ...(cursor && { cursor }) })
    for (const { id } of events) {
      t.notOk(seen.has(id))
      seen.add(id)
    }
    cursor = next_cursor
    await database.admin`delete from security_events where id = any(${[...seen]})`
    await signUp(app)
  }
  t.equal(seen.size, 7, 'also after the event at the end of a page was deleted')
})

t.test('a wrong parameter is refused, and so is anybody who is no administrator', async t => {
  const { app, page } = await start(t)
  const cursor = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const id = '00000000-0000-7000-8000-000000000000'
  for (const query of [
    { type: 'nope' },
    { type: '' },
    { user_id: 'ada' },
    { actor: 'a b' },
    { since: 'yesterday' },
    { until: '2026-13-01T00:00:00Z' },
    { limit: '101' },
    { cursor: 'x' },
    { cursor: cursor(['2026-02-31T00:00:00Z', id]) },
    { cursor: cursor(['2026-02-01T00:00:00+99:00', id]) },
    { cursor: cursor(['2026-02-01T00:00:00Z', 'x']) },
    { user: 'ada' },
  ] as Record<string, string>[])
    t.match(await page(query), { status: 400, code: 'invalid_request' }, JSON.stringify(query))
  t.match(await page({ cursor: cursor(['2026-02-01T00:00:00.123456Z', id]) }), { events: [], next_cursor: null })
  const ada = await signUp(app)
  t.equal((await get(app, '/admin/events', ada.accessToken)).json().code, 'insufficient_role')
  const other = await app.inject({ url: '/admin/events', headers: await asClient(app, 'introspect') })
  t.equal(other.json().code, 'insufficient_scope')
})
