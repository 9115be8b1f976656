import { randomBytes, randomUUID } from 'node:crypto'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { SignJWT } from 'jose'
import { createClient, type Scope } from '../../src/domain/clients/clients.js'
import type { GivenAssertion } from '../../src/domain/clients/register-assertion.js'
import { postForm } from './clients.js'
import type { IssuerKey } from './cluster-issuer.js'

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Registers a client that has no secret. Returns its id. */
export async function makeSecretlessClient(
  app: FastifyInstance,
  assertion: GivenAssertion,
  ...scopes: Scope[]
): Promise<string> {
  const name = `secretless-${randomBytes(6).toString('hex')}`
  const account = { name, scopes: scopes.length > 0 ? scopes : (['revocations'] as const), assertion }
  return (await createClient(app.context, account, 'test')).id
}

export interface OwnAssertionOptions {
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
}

/** An assertion that a client signs itself (`private_key_jwt`). A claim that is undefined is left out. */
export function ownAssertion(
  { privateKey, alg, kid }: IssuerKey,
  clientId: string,
  audience: string,
  { claims, header }: OwnAssertionOptions = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const usual = { iss: clientId, sub: clientId, aud: audience, iat: now, exp: now + 60, jti: randomUUID() }
  const payload = JSON.parse(JSON.stringify({ ...usual, ...claims }))
  return new SignJWT(payload).setProtectedHeader({ alg, kid, ...header }).sign(privateKey)
}

/** Requests a token with an assertion. */
export function requestToken(
  app: FastifyInstance,
  clientId: string | undefined,
  assertion: string,
): Promise<LightMyRequestResponse> {
  return postForm(app, '/oauth/token', {
    grant_type: 'client_credentials',
    ...(clientId !== undefined && { client_id: clientId }),
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: assertion,
  })
}
