import { randomBytes } from 'node:crypto'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { createClient, type Scope } from '../../src/domain/clients/clients.js'
import { PASSWORD, type Person, post, signUp } from './people.js'

/** A registered client: another service that calls Latchkey with its own secret. */
export interface TestClient {
  id: string
  name: string
  secret: string
  /** The value of its Authorization header, with its secret. */
  basic: string
}

/** Registers a client with these scopes. */
export async function makeClient(app: FastifyInstance, ...scopes: Scope[]): Promise<TestClient> {
  const name = `client-${randomBytes(6).toString('hex')}`
  const { id, secret } = await createClient(app.context, { name, scopes }, 'test')
  if (secret === undefined) throw new Error('the client has no secret')
  return { id, name, secret, basic: basicOf(id, secret) }
}

/** The value of an Authorization header: form-encoded, joined, then base64 (RFC 6749, 2.3.1). */
export function basicOf(id: string, secret: string): string {
  const encode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1)
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`
}

/** Gets an access token of a client, with all of its scopes unless `scope` names fewer. */
export async function clientToken(app: FastifyInstance, { basic }: TestClient, scope?: string): Promise<string> {
  const fields = { grant_type: 'client_credentials', ...(scope !== undefined && { scope }) }
  const response = await postForm(app, '/oauth/token', fields, { authorization: basic })
  if (response.statusCode !== 200) throw new Error(`the client got no token: ${response.body}`)
  return response.json().access_token
}

/** Refreshes a session that a client opened, at the client's token endpoint (RFC 6749, 6). */
export function refreshAsClient(app: FastifyInstance, { basic }: Pick<TestClient, 'basic'>, refreshToken: string) {
  const fields = { grant_type: 'refresh_token', refresh_token: refreshToken }
  return postForm(app, '/oauth/token', fields, { authorization: basic })
}

/** Registers a client with these scopes, and returns headers with its access token. */
export async function asClient(app: FastifyInstance, ...scopes: Scope[]): Promise<{ authorization: string }> {
  return { authorization: `Bearer ${await clientToken(app, await makeClient(app, ...scopes))}` }
}

/** Registers a user with the role `admin` and signs in. */
export async function signUpAdmin(app: FastifyInstance): Promise<Person> {
  const { email, userId } = await signUp(app)
  await app.context.db.users.setRoles(userId, ['admin'])
  const { session_id, access_token, refresh_token } = (
    await post(app, '/auth/login', { email, password: PASSWORD, transport: 'body' })
  ).json()
  return { email, userId, sessionId: session_id, accessToken: access_token, refreshToken: refresh_token }
}

export function postForm(
  app: FastifyInstance,
  url: string,
  fields: Record<string, string> | string,
  headers: Record<string, string> = {},
): Promise<LightMyRequestResponse> {
  const payload = typeof fields === 'string' ? fields : new URLSearchParams(fields).toString()
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  return app.inject({ method: 'POST', url, payload, headers: { ...type, ...headers } })
}
