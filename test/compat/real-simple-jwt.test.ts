import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { deleteUser, disableUser } from '../../src/domain/accounts/administer-users.js'
import { findPython } from '../examples/django-process.js'
import { buildTestApp } from '../support/build-test-app.js'
import { findFreePort } from '../support/free-port.js'
import { PASSWORD, post, signUp } from '../support/people.js'
import { listen } from '../support/raw-request.js'
import { skipWithout } from '../support/skip-without.js'

const SERVER = resolve(import.meta.dirname, '../../test/compat/django/server.py')
const VIEW = '/api/users/me/sessions'

const python = await findPython()
const skip = skipWithout(python !== undefined, 'no Python has Django and Simple JWT')

/** The tokens that both services make for themselves, by what they are. */
type Tokens = Record<
  | 'access'
  | 'refresh'
  | 'expired access'
  | 'expired refresh'
  | 'blacklisted refresh'
  | 'access of a disabled account'
  | 'access of a deleted account',
  string
>

interface Site {
  url: string
  tokens: Tokens
}

/** Starts a Django site with the Simple JWT that is installed. It is stopped at the end of the test. */
async function startDjango(t: Test): Promise<Site & { version: string }> {
  const port = await findFreePort()
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  const django = spawn(python!, [SERVER, String(port)], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(async () => django.kill('SIGKILL'))
  for await (const line of createInterface(django.stdout))
    return { url: `http://127.0.0.1:${port}`, ...(JSON.parse(line) as { version: string; tokens: Tokens }) }
  throw new Error('Django did not start')
}

/** Makes the same tokens at Latchkey. */
async function startLatchkey(t: Test): Promise<Site> {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  const old = await obtain(app, ada.email)
  await clock.advance(8 * 24 * 60 * 60)
  const now = await obtain(app, ada.email)
  const { refresh } = await obtain(app, ada.email)
  await post(app, '/api/token/blacklist/', { refresh })
  const [eve, bob] = [await signUp(app), await signUp(app)]
  const [disabled, deleted] = [await obtain(app, eve.email), await obtain(app, bob.email)]
  await disableUser(app.context, eve.email, 'cli')
  await deleteUser(app.context, bob.userId, 'cli')
  return {
    url: `http://127.0.0.1:${await listen(app)}`,
    tokens: {
      ...now,
      'expired access': old.access,
      'expired refresh': old.refresh,
      'blacklisted refresh': refresh,
      'access of a disabled account': disabled.access,
      'access of a deleted account': deleted.access,
    },
  }
}

async function obtain(app: FastifyInstance, username: string): Promise<{ access: string; refresh: string }> {
  return (await post(app, '/api/token/', { username, password: PASSWORD })).json()
}

/** Every request whose answer is compared, for the tokens of either service. */
function requests(tokens: Tokens): Record<string, { path: string; authorization?: string; body?: object }> {
  const forged = `${tokens.access.slice(0, -4)}AAAA`
  const foreign = 'eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwidXNlcl9pZCI6MX0.c2lnbmF0dXJl'
  const all = { ...tokens, 'forged access': forged, garbage: 'garbage', 'foreign access': foreign }
  const view = Object.entries({ ...all, nothing: '', 'two words': 'a b' })
    // Only Django reads the expiry of a refresh token: ours is not a JWT.
    .filter(([name]) => name !== 'expired refresh')
    .map(([name, token]) => [`view: ${name}`, { path: VIEW, authorization: `Bearer ${token}`.trim() }])
  const schemes = { 'no header': undefined, 'another scheme': 'Basic YTpi', 'no scheme': tokens.access }
  const headers = Object.entries(schemes).map(([name, authorization]) => [
    `view: ${name}`,
    { path: VIEW, ...(authorization && { authorization }) },
  ])
  const bodies = Object.entries({ verify: 'token', refresh: 'refresh', blacklist: 'refresh' }).flatMap(
    ([path, field]) =>
      Object.entries(all)
        // Django looks up no user here, and verifies a blacklisted token with a status that the docs explain.
        .filter(([name]) => !name.includes('account') && !(path === 'verify' && name === 'blacklisted refresh'))
        .filter(([name]) => name !== 'refresh')
        .map(([name, token]) => [`${path}: ${name}`, { path: `/api/token/${path}/`, body: { [field]: token } }]),
  )
  return Object.fromEntries([...view, ...headers, ...bodies])
}

async function answersOf({ url, tokens }: Site) {
  const answers: Record<string, { status: number; challenge: string | null; body: Record<string, unknown> }> = {}
  for (const [name, { path, authorization, body }] of Object.entries(requests(tokens))) {
    const answer = await fetch(url + path, {
      method: body ? 'POST' : 'GET',
      headers: { ...(authorization && { authorization }), ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    const json = (await answer.json()) as Record<string, unknown>
    answers[name] = { status: answer.status, challenge: answer.headers.get('www-authenticate'), body: json }
  }
  return answers
}

/** Simple JWT before 5.4 has one sentence for two reasons. */
function inOldWords(body: Record<string, unknown>): unknown {
  const text = JSON.stringify(body).replaceAll(/"Token is (invalid|expired)"/g, '"Token is invalid or expired"')
  return JSON.parse(text)
}

t.test('every refused token gets the answer of the real Simple JWT', { skip }, async t => {
  const [django, latchkey] = await Promise.all([startDjango(t), startLatchkey(t)])
  const [theirs, ours] = [await answersOf(django), await answersOf(latchkey)]
  t.comment(`compared with Simple JWT ${django.version}`)
  t.ok(Object.keys(theirs).length > 30)
  const isOld = JSON.stringify(theirs).includes('invalid or expired')
  for (const [name, expected] of Object.entries(theirs)) {
    const { status, challenge, body } = ours[name]!
    t.equal(status, expected.status, name)
    if (status === 200) continue
    t.equal(challenge, expected.challenge, name)
    // What we add: the messages of a verified access token, and our code and our problem details beside the text.
    const { messages, ...rest } = body
    const same = name.startsWith('verify') ? rest : name === 'view: no header' ? { detail: body.detail } : body
    t.strictSame(isOld ? inOldWords(same) : same, expected.body, name)
    if (name.startsWith('verify') && messages) t.match(messages, [{ message: body.detail }], name)
  }
})
