import { randomBytes } from 'node:crypto'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'

export const PASSWORD = 'a passphrase nobody would guess'

/** A signed-in user whose client gets the refresh token in the body, not in a cookie. For a browser, see device.ts. */
export interface Person {
  email: string
  userId: string
  sessionId: string
  accessToken: string
  refreshToken: string
}

/** Registers an account, which signs in. */
export async function signUp(app: FastifyInstance, email = `${randomBytes(6).toString('hex')}@example.com`) {
  return personOf(email, await post(app, '/auth/register', { email, password: PASSWORD, transport: 'body' }))
}

/** Signs in to an account again, as on another device. */
export async function signIn(app: FastifyInstance, email: string, userAgent?: string): Promise<Person> {
  const headers = userAgent === undefined ? {} : { 'user-agent': userAgent }
  return personOf(email, await post(app, '/auth/login', { email, password: PASSWORD, transport: 'body' }, headers))
}

/** Sends a refresh token, and returns the answer whatever it is. */
export function refresh(app: FastifyInstance, refreshToken: string): Promise<LightMyRequestResponse> {
  return post(app, '/auth/refresh', { refresh_token: refreshToken })
}

/** Sends a superseded token, then sends it again with the ticket of that refusal, as a client without a newer one. */
export async function refreshWithTicket(app: FastifyInstance, refreshToken: string): Promise<LightMyRequestResponse> {
  const { ticket } = (await refresh(app, refreshToken)).json()
  return post(app, '/auth/refresh', { refresh_token: refreshToken, ticket })
}

/** Refreshes, and returns the new refresh token; fails if the refresh is refused. */
export async function refreshed(app: FastifyInstance, refreshToken: string): Promise<string> {
  const response = await refresh(app, refreshToken)
  if (response.statusCode !== 200) throw new Error(`the refresh was refused: ${response.body}`)
  return response.json().refresh_token
}

/** Asks for an access token with `rotate: false`, and returns the answer whatever it is. */
export function refreshWithoutRotating(
  app: FastifyInstance,
  refreshToken: string,
  more: { ticket?: string } = {},
  headers: Record<string, string> = {},
): Promise<LightMyRequestResponse> {
  return post(app, '/auth/refresh', { refresh_token: refreshToken, rotate: false, ...more }, headers)
}

/** The same, but returns the access token; fails if the request is refused. */
export async function accessTokenFor(
  app: FastifyInstance,
  refreshToken: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const response = await refreshWithoutRotating(app, refreshToken, {}, headers)
  if (response.statusCode !== 200) throw new Error(`the access token was refused: ${response.body}`)
  return response.json().access_token
}

/** What the service answers to an access token at /auth/verify: 200, or the error code. */
export async function verify(app: FastifyInstance, accessToken: string): Promise<number | string> {
  const response = await get(app, '/auth/verify', accessToken)
  return response.statusCode === 200 ? 200 : response.json().code
}

/** The claims of an access token, which is not verified. */
export function claimsOf(accessToken: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString())
}

export function get(app: FastifyInstance, url: string, accessToken: string): Promise<LightMyRequestResponse> {
  return app.inject({ method: 'GET', url, headers: { authorization: `Bearer ${accessToken}` } })
}

export function post(
  app: FastifyInstance,
  url: string,
  payload: object,
  headers: Record<string, string> = {},
): Promise<LightMyRequestResponse> {
  return app.inject({ method: 'POST', url, payload, headers })
}

function personOf(email: string, response: LightMyRequestResponse): Person {
  const body = response.json()
  if (response.statusCode >= 300) throw new Error(`signing in was refused: ${response.body}`)
  return {
    email,
    userId: body.user.id,
    sessionId: body.session_id,
    accessToken: body.access_token,
    refreshToken: body.refresh_token,
  }
}
