import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { until } from '../support/eventually.js'
import { externalStores } from '../support/external-stores.js'
import { HttpClient } from '../support/http-client.js'
import { PASSWORD } from '../support/people.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { startPostgres } from '../support/servers/own-postgres.js'
import { runPostgresClient } from '../support/servers/postgres-client.js'
import { query } from '../support/servers/query.js'
import { startService } from '../support/service-process.js'
import { emptyDatabase } from '../support/test-database.js'
import { startVerifier, verdict } from '../verifier/verifiers.js'

// What docs/operations.md says about a restored backup.

interface Session {
  id: string
  accessToken: string
  refreshToken: string
}

const NEW_PASSWORD = 'a ladder of two ropes'
/** REFRESH_MIN_AGE, and a little more. */
const MIN_AGE_MS = 1100

const server = await startPostgres(t, { version: 15 })
const { env: given } = await externalStores(t)
const env: NodeJS.ProcessEnv = { ...given, DATABASE_URL: server.url, REFRESH_MIN_AGE: '1s', REFRESH_LEEWAY: '0s' }
const dump = join(t.testdir({}), 'latchkey.dump')

const latchkey = async (more: NodeJS.ProcessEnv, ...args: string[]) => {
  const { code, stdout, stderr } = await runLatchkey([...args, '--json'], { env: { ...env, ...more } })
  if (code !== 0) throw new Error(`latchkey ${args.join(' ')}: ${stderr}`)
  return JSON.parse(stdout)
}

const service = await startService(t, { env })
const first = new HttpClient(service.url)
await first.post('/auth/register', { email: 'ada@example.com', password: PASSWORD })
await latchkey({}, 'users', 'roles', 'ada@example.com', 'admin')
const client = await latchkey({}, 'clients', 'create', 'shop', '--scope', 'revocations')
const credentials = { id: client.client_id, secret: client.client_secret }
const [idle, once, refreshed, revoked] = [
  await signIn(first),
  await signIn(first),
  await signIn(first),
  await signIn(first),
]
await runPostgresClient('pg_dump', ['--format=custom', `--file=${dump}`, server.url])

// A day of changes.
const later = await signIn(first)
await sleep(MIN_AGE_MS)
await refresh(first, once)
await refresh(first, refreshed)
await sleep(MIN_AGE_MS)
await refresh(first, refreshed)
await first.post('/auth/logout', { refresh_token: revoked.refreshToken })
await first.send(
  'POST',
  '/auth/change-password',
  { 'content-type': 'application/json', authorization: `Bearer ${(await signIn(first)).accessToken}` },
  JSON.stringify({ current_password: PASSWORD, new_password: NEW_PASSWORD }),
)
await latchkey({}, 'users', 'roles', 'ada@example.com', '--none')
await latchkey({}, 'clients', 'rotate', 'shop')
first.close()
await service.stop()

t.test('without a sign-out of everyone, a restored backup brings back what was revoked', async t => {
  const http = await restored(t, await restoreInPlace())
  t.equal(await verify(http, revoked), '200', 'an access token whose session was signed out')
  t.equal((await refresh(http, revoked)).status, 200, 'and its refresh token')
  t.equal(
    (await refresh(http, refreshed)).body.code,
    'refresh_token_unknown',
    'a session that refreshed twice since then',
  )
  t.equal((await refresh(http, once)).status, 200, 'a session that refreshed once')
  t.equal((await refresh(http, later)).body.code, 'session_revoked', 'a session that began since then')
  t.equal((await refresh(http, idle)).status, 200, 'a session that did nothing since then')
  const answer = await http.post('/auth/login', { email: 'ada@example.com', password: PASSWORD })
  t.equal(answer.status, 200, 'the password of then')
  t.strictSame(answer.body.user.roles, ['admin'], 'the roles of then')
})

t.test('after a sign-out of everyone, nothing that was revoked is accepted, on the same server', async t => {
  await checkSignedOut(t, await restoreInPlace())
})

t.test('and on another server', async t => {
  const { url } = await emptyDatabase(t)
  await runPostgresClient('pg_restore', ['--no-owner', '--exit-on-error', `--dbname=${url}`, dump])
  await checkSignedOut(t, url)
})

async function checkSignedOut(t: Test, url: string): Promise<void> {
  await latchkey({ DATABASE_URL: url }, 'sign-out-everyone')
  const http = await restored(t, url)
  const verifier = startVerifier(t, { issuer: env.PUBLIC_ORIGIN!, baseUrl: http.url, client: credentials })
  await verifier.ready()
  for (const session of [idle, once, refreshed, revoked, later]) {
    t.equal(await verify(http, session), 'token_revoked')
    t.equal(await verdict(verifier.verify(session.accessToken)), 'token_revoked')
    t.equal((await refresh(http, session)).body.code, 'session_revoked', 'so none is an unknown token')
  }
  const session = await signIn(http)
  t.equal(await verdict(verifier.verify(session.accessToken)), 'valid')
  const headers = { 'content-type': 'application/json', prefer: 'wait=10' }
  const body = JSON.stringify({ refresh_token: session.refreshToken })
  const answer = await http.send('POST', '/auth/logout', headers, body)
  t.equal(answer.headers['revocation-receipt'], 'complete', 'the positions of verifiers are right')
  t.equal(await verdict(verifier.verify(session.accessToken)), 'token_revoked')
  await until(async () => (await http.get('/readyz')).body.status === 'ok')
  t.strictSame((await http.get('/readyz')).body.degraded, [])
}

/** Replaces the database by the backup, on the server where it was. */
async function restoreInPlace(): Promise<string> {
  const others = new URL(server.url)
  others.pathname = '/template1'
  const name = new URL(server.url).pathname.slice(1)
  await query(others.href, `drop database ${name} with (force)`)
  await query(others.href, `create database ${name}`)
  await runPostgresClient('pg_restore', ['--no-owner', '--exit-on-error', `--dbname=${server.url}`, dump])
  return server.url
}

async function restored(t: Test, url: string): Promise<HttpClient> {
  const service = await startService(t, { env: { ...env, DATABASE_URL: url } })
  const http = new HttpClient(service.url)
  t.teardown(() => http.close())
  return http
}

async function signIn(http: HttpClient): Promise<Session> {
  const { status, body } = await http.post('/auth/login', {
    email: 'ada@example.com',
    password: PASSWORD,
    transport: 'body',
  })
  if (status !== 200) throw new Error(`the sign-in was refused: ${JSON.stringify(body)}`)
  return { id: body.session_id, accessToken: body.access_token, refreshToken: body.refresh_token }
}

async function refresh(http: HttpClient, session: Session) {
  const answer = await http.post('/auth/refresh', { refresh_token: session.refreshToken })
  if (answer.status === 200) session.refreshToken = answer.body.refresh_token
  return answer
}

async function verify(http: HttpClient, { accessToken }: Session): Promise<string> {
  const { status, body } = await http.get('/auth/verify', accessToken)
  return body?.code ?? String(status)
}
