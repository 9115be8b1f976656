import { randomBytes } from 'node:crypto'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { createClient } from '../../src/auth/clients/create-client.js'
import type { Scope } from '../../src/auth/clients/scopes.js'
import { PASSWORD, type Person, post, signUp } from './people.js'

/** Another service, as its operator has set it up. */
export interface TestClient {
  id: string
  name: string
  secret: string
  /** The Authorization header by which it shows its secret. */
  basic: string
}

export async function makeClient(app: FastifyInstance, ...scopes: Scope[]): Promise<TestClient> {
  const name = `client-${randomBytes(6).toString('hex')}`
  const { id, secret } = await createClient(app.context, { name, scopes }, 'test')
  return { id, name, secret, basic: basicOf(id, secret) }
}

/** Form-encoded, then joined, then base64 (RFC 6749, 2.3.1). */
export function basicOf(id: string, secret: string): string {
  const encode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1)
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`
}

/** A client's access token, with all of its scopes unless it asks for less. */
export async function clientToken(app: FastifyInstance, { basic }: TestClient, scope?: string): Promise<string> {
  const fields = { grant_type: 'client_credentials', ...(scope !== undefined && { scope }) }
  const response = await postForm(app, '/oauth/token', fields, { authorization: basic })
  if (response.statusCode !== 200) throw new Error(`the client got no token: ${response.body}`)
  return response.json().access_token
}

/** A client asks for the next tokens of a session that it opened (RFC 6749, 6). */
export function exchange(app: FastifyInstance, { basic }: Pick<TestClient, 'basic'>, refreshToken: string) {
  const fields = { grant_type: 'refresh_token', refresh_token: refreshToken }
  return postForm(app, '/oauth/token', fields, { authorization: basic })
}

/** The headers of a new client with these scopes. */
export async function asClient(app: FastifyInstance, ...scopes: Scope[]): Promise<{ authorization: string }> {
  return { authorization: `Bearer ${await clientToken(app, await makeClient(app, ...scopes))}` }
}

/** Somebody with the role `admin`. */
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
