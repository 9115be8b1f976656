import { type AuthClient, createAuthClient } from '@latchkey/client'
import t, { type Test } from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { listen } from '../support/raw-request.js'
import { ADA } from './client-page.js'

// Without cookies and without a page: as in a web view, or on a phone.

interface Setting {
  /** A client with its own storage. */
  start(token?: string | null): { client: AuthClient; storage: { token: string | null } }
  clock: { advance(seconds: number): Promise<void> | void }
}

async function open(t: Test): Promise<Setting> {
  const { app, clock } = await buildTestApp(t)
  const baseUrl = `http://127.0.0.1:${await listen(app)}`
  return {
    clock,
    start(token = null) {
      const storage = { token }
      const client = createAuthClient({
        baseUrl,
        transport: 'body',
        storage: {
          get: async () => storage.token,
          set: async token => {
            storage.token = token
          },
        },
      })
      t.teardown(() => client.close())
      return { client, storage }
    },
  }
}

t.test('the refresh token is kept by the caller, and removed at the end', async t => {
  const { start, clock } = await open(t)
  const { client, storage } = start()
  t.equal(client.user, undefined)
  t.equal(await client.getAccessToken(), undefined)
  t.equal(client.user, null, 'nothing is stored')
  await client.register(ADA)
  const first = storage.token
  t.match(first, /^lk_/)
  await clock.advance(60)
  const second = start(first)
  t.ok(await second.client.getAccessToken())
  t.equal(second.client.user?.email, ADA.email)
  t.not(second.storage.token, first, 'it was rotated')
  t.match(await second.client.sessions.list(), [{ transport: 'body', current: true }])
  await second.client.logout()
  t.equal(second.storage.token, null)
  t.equal(await second.client.getAccessToken(), undefined)
})

t.test('a thief with a copy of the storage is found, and the session ends for both', async t => {
  const { start, clock } = await open(t)
  const owner = start()
  await owner.client.register(ADA)
  await clock.advance(60)
  const thief = start(owner.storage.token)
  t.match(await thief.client.sessions.list(), [{}])
  await clock.advance(120)
  t.match(await thief.client.sessions.list(), [{}], 'the thief works with the newer token')
  owner.client.close()
  const ownerAgain = start(owner.storage.token)
  t.equal(await ownerAgain.client.getAccessToken(), undefined, 'the owner comes back, and sends the ticket')
  t.equal(ownerAgain.storage.token, null)
  t.match(await thief.client.sessions.list().catch(error => error), { code: 'token_revoked' })
  t.equal(thief.client.user, null)
})

t.test('scope all ends every session, also with an expired access token', async t => {
  const { start, clock } = await open(t)
  const [one, two] = [start(), start()]
  await one.client.register(ADA)
  await two.client.login(ADA)
  await clock.advance(60 * 60)
  await one.client.logout({ scope: 'all' })
  t.equal(one.client.user, null)
  await two.client.sessions.list().catch(() => {})
  t.equal(two.client.user, null)
})

t.test('wrong options are refused at once', async t => {
  t.throws(() => createAuthClient({ baseUrl: 'http://localhost', transport: 'body' }), /storage/)
  t.throws(() => createAuthClient({ baseUrl: 'auth.example.com' }), /Invalid URL/)
})

t.test('a storage that is slow undoes no sign-in', async t => {
  const { app } = await buildTestApp(t)
  const storage = { token: null as string | null }
  let read = () => {}
  const client = createAuthClient({
    baseUrl: `http://127.0.0.1:${await listen(app)}/`,
    transport: 'body',
    storage: {
      get() {
        const { token } = storage
        return new Promise(resolve => {
          read = () => resolve(token)
        })
      },
      async set(token) {
        storage.token = token
      },
    },
  })
  t.teardown(() => client.close())
  const first = client.getAccessToken()
  await client.register(ADA)
  read()
  t.ok(await first)
  t.equal(client.user?.email, ADA.email)
  t.match(storage.token, /^lk_/)
})
