import t, { type Test } from 'tap'
import { newId } from '../../src/lib/ids.js'
import { until } from '../support/eventually.js'
import { externalStores } from '../support/external-stores.js'
import { type FeedFollower, follow } from '../support/feed-follower.js'
import { PASSWORD } from '../support/people.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { startService } from '../support/service-process.js'

const FOLLOWERS = 60

async function tokenOf(url: string, env: NodeJS.ProcessEnv): Promise<string> {
  const { stdout } = await runLatchkey(['clients', 'create', 'shop', '--scope', 'revocations', '--json'], { env })
  const { client_id, client_secret } = JSON.parse(stdout)
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret })
  const response = await fetch(`${url}/oauth/token`, { method: 'POST', body })
  return ((await response.json()) as { access_token: string }).access_token
}

async function signUp(url: string): Promise<{ session_id: string; access_token: string }> {
  const body = JSON.stringify({ email: `${newId()}@example.com`, password: PASSWORD, transport: 'body' })
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/auth/register`, { method: 'POST', headers, body })
  return (await response.json()) as { session_id: string; access_token: string }
}

const logOut = (url: string, { access_token }: { access_token: string }) =>
  fetch(`${url}/auth/logout`, { method: 'POST', headers: { authorization: `Bearer ${access_token}` } })

function followMany(t: Test, url: string, token: string): Promise<FeedFollower[]> {
  return Promise.all(
    Array.from({ length: FOLLOWERS }, () => follow(t, { url, token, query: { verifier: newId() } }).complete()),
  )
}

t.test('a stopping instance asks its followers to leave, serves them until the end, and takes no new ones', async t => {
  const { env } = await externalStores(t)
  const service = await startService(t, { env: { ...env, SHUTDOWN_DELAY: '2s' } })
  const { url } = service
  const token = await tokenOf(url, env)
  const ada = await signUp(url)
  const followers = await followMany(t, url, token)
  const exited = service.stop('SIGTERM')
  await until(() => followers.every(({ reconnect }) => reconnect !== undefined))
  t.ok(followers.every(({ reconnect }) => reconnect === 1000))
  t.comment('half of the time for which it serves them')

  const refused = follow(t, { url, token })
  t.equal(await refused.answered(), 503)
  t.match(JSON.parse(refused.body), { code: 'shutting_down' })
  t.ok(Number(refused.headers['retry-after']) >= 1)
  await logOut(url, ada)
  await until(() => followers.every(({ sessionIds }) => sessionIds.includes(ada.session_id)))

  t.equal(await exited, 0)
  await until(() => followers.every(({ isEnded }) => isEnded))
  t.ok(followers.every(({ isComplete }) => isComplete))
  const waits = new Set(followers.map(({ retries }) => retries.at(-1)))
  t.ok(waits.size > FOLLOWERS / 2, 'each was told another time to wait')
})

t.test('after a crash a follower goes on where it was, and has missed nothing', async t => {
  const { env, database } = await externalStores(t)
  const service = await startService(t, { env })
  const token = await tokenOf(service.url, env)
  const [ada, bea] = [await signUp(service.url), await signUp(service.url)]
  const query = { verifier: newId() }
  const follower = await follow(t, { url: service.url, token, query }).complete()
  await logOut(service.url, ada)
  await until(() => follower.sessionIds.includes(ada.session_id))
  const { length } = follower.heartbeats
  await until(() => follower.heartbeats.slice(length).some(({ position }) => position !== undefined))
  await service.kill()
  await until(() => follower.isEnded)
  // Another instance did this meanwhile.
  await database.admin`
    insert into revocations (kind, subject, reason, expires_at)
    values ('session', ${bea.session_id}, 'logout', now() + interval '1 hour')`
  const again = await startService(t, { env: { ...env, PORT: new URL(service.url).port } })
  const back = await follow(t, { url: again.url, token, query, lastEventId: follower.lastEventId }).complete()
  t.match(back.start, { isSnapshot: false })
  t.ok(back.sessionIds.includes(bea.session_id))
})

t.test('Ctrl-C ends an instance with followers at once', async t => {
  const { env } = await externalStores(t)
  const service = await startService(t, { env: { ...env, SHUTDOWN_DELAY: '60s' } })
  const followers = await followMany(t, service.url, await tokenOf(service.url, env))
  t.equal(await service.stop('SIGINT'), 0)
  await until(() => followers.every(({ isEnded }) => isEnded))
  t.ok(
    followers.every(({ isComplete }) => isComplete),
    'no connection was reset',
  )
})
