import { randomBytes } from 'node:crypto'
import type { Verifier } from '@latchkey/verifier'
import type { Test } from 'tap'
import { until } from '../support/eventually.js'
import { FeedFollower } from '../support/feed-follower.js'
import { newEmail, untilRefused } from './side-by-side.js'
import { call, form, type Instance, type Program, refresh, register, type Session, verify } from './version.js'

/** Another service that follows the feed of an instance: with the verifier of a version, or by itself. */
export interface Following {
  /** Such as `verifier of old at new`. */
  name: string
  /** Whether receipts wait for it: instances of a version before the receipts do not register who follows them. */
  isRegistered: boolean
  refuses(session: Session): Promise<boolean>
  accepts(session: Session): Promise<boolean>
}

export interface FeedClient {
  id: string
  secret: string
}

export async function makeFeedClient(program: Program): Promise<FeedClient> {
  const name = `follower-${randomBytes(4).toString('hex')}`
  const made = await program.command('clients', 'create', name, '--scope', 'revocations')
  return { id: made.client_id, secret: made.client_secret }
}

/** Follows an instance with the verifier of this version; if it has none yet, as a follower that reads the events. */
export async function follow(
  t: Test,
  program: Program,
  at: Instance,
  client: FeedClient,
  issuer: string,
): Promise<Following> {
  const createVerifier = await program.createVerifier()
  if (createVerifier === undefined) return followByItself(t, at, client)
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const name = `${program.name}-at-${at.program.name}`
  const verifier = createVerifier({ issuer, baseUrl: at.url, client, name, log })
  t.teardown(() => verifier.close())
  await verifier.ready({ timeoutMs: 30_000 })
  const registered: { name: string }[] = await at.program.command('verifiers', 'list').catch(() => [])
  return {
    isRegistered: registered.some(one => one.name === name),
    name: `the verifier of ${program.name} at ${at.program.name}`,
    refuses: async session => ['token_revoked', 'token_stale'].includes(await verdictOf(verifier, session)),
    accepts: async session => (await verdictOf(verifier, session)) === 'valid',
  }
}

async function followByItself(t: Test, at: Instance, client: FeedClient): Promise<Following> {
  const fields = { client_id: client.id, client_secret: client.secret, grant_type: 'client_credentials' }
  const { body } = await form(at, '/oauth/token', fields)
  const follower = await new FeedFollower({ url: at.url, token: body.access_token }).complete()
  t.teardown(() => follower.close())
  const hasEntry = (session: Session) => follower.sessionIds.includes(session.id)
  return {
    isRegistered: false,
    name: `a follower at ${at.program.name}`,
    refuses: async session => hasEntry(session),
    accepts: async session => !hasEntry(session),
  }
}

/** Revokes at one version, with a receipt, and looks at everything that follows either of them. */
export async function checkFeed(t: Test, a: Instance, b: Instance, all: readonly Following[]): Promise<void> {
  const session = await register(b, newEmail())
  for (const one of all) t.ok(await one.accepts(session), `${one.name} accepts a token of ${b.program.name}`)
  const headers = { 'content-type': 'application/json', prefer: 'wait=10' }
  const body = JSON.stringify({ refresh_token: session.refreshToken })
  const answer = await a.http.send('POST', '/auth/logout', headers, body)
  t.equal(answer.status, 204, `a sign-out at ${a.program.name}: ${JSON.stringify(answer.body)}`)
  const receipt = answer.headers['revocation-receipt']
  t.comment(`receipt of ${a.program.name}: ${receipt ?? 'none in this version'}`)
  for (const one of all) {
    if (receipt === 'complete' && one.isRegistered)
      t.ok(await one.refuses(session), `${one.name} refuses it after the receipt`)
    else await until(() => one.refuses(session), `${one.name} refuses it`, 5000)
  }
}

/** A new signing key of one version signs and verifies at both. Returns a session with a token of the key before. */
export async function checkKeys(t: Test, a: Instance, b: Instance, all: readonly Following[]): Promise<Session> {
  const before = await register(b, newEmail())
  await a.program.command('keys', 'rotate', '--immediately')
  for (const instance of [a, b]) {
    let session = await register(instance, newEmail())
    await until(async () => {
      session = await register(instance, newEmail())
      return kidOf(session) !== kidOf(before)
    }, `${instance.program.name} signs with the new key`)
    for (const other of [a, b]) t.equal(await verify(other, session.accessToken), 200, 'a token of the new key')
    for (const one of all) await until(() => one.accepts(session), `${one.name} accepts the new key`, 60_000)
  }
  const { status } = await call(a, 'GET', '/auth/profile', before)
  t.equal(status, 200, 'a token of the key before')
  return before
}

/** The key that signed a session's token, revoked by one version, is refused by both; the session goes on. */
export async function checkRevokedKey(t: Test, a: Instance, b: Instance, session: Session): Promise<void> {
  await a.program.command('keys', 'revoke', kidOf(session))
  for (const instance of [a, b]) await untilRefused(t, instance, session.accessToken, 'token_stale')
  const { status, body } = await refresh(b, session.refreshToken)
  t.equal(status, 200)
  for (const instance of [a, b]) t.equal(await verify(instance, body.access_token), 200)
}

function kidOf({ accessToken }: Session): string {
  return JSON.parse(Buffer.from(accessToken.split('.')[0]!, 'base64url').toString()).kid
}

async function verdictOf(verifier: Verifier, { accessToken }: Session): Promise<string> {
  try {
    await verifier.verify(accessToken)
    return 'valid'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}
