import type { AssertionTrust, KeySource } from '../lib/assertion-trust.js'
import { LatchkeyError } from '../lib/errors.js'
import type { Client } from '../postgres/clients.js'
import type { Database } from '../postgres/database.js'

/** The argument of commands on one client. */
export const NAME = '<name or client_id>'

export const shownOnce = (secret: string) => `Its secret, shown only now: ${secret}`

/** A client as JSON. */
export function clientView({ id, name, scopes, createdAt, hasSecret, assertion }: Client) {
  return {
    client_id: id,
    name,
    scopes,
    created_at: createdAt.toISOString(),
    has_secret: hasSecret,
    assertion: assertion ? assertionView(assertion) : null,
  }
}

/** A name can look like a client_id: the owner of the name comes first. */
export async function findClient(db: Database, given: string): Promise<Client> {
  const all = await db.clients.all()
  const client = all.find(({ name }) => name === given) ?? all.find(({ id }) => id === given.toLowerCase())
  if (!client) throw new LatchkeyError('client_not_found')
  return client
}

/** How a client authenticates, in words. */
export function credentialsInWords({ hasSecret, assertion }: Pick<Client, 'hasSecret' | 'assertion'>): string {
  const ways = hasSecret ? ['secret'] : []
  if (assertion?.kind === 'private_key') ways.push('private_key_jwt')
  if (assertion?.kind === 'issuer') ways.push('issuer token')
  return ways.join(', ')
}

/** The lines about assertions in the description of a client. */
export function assertionFields({ assertion }: Pick<Client, 'assertion'>): [string, string][] {
  if (!assertion) return []
  const fields: [string, string][] = []
  if (assertion.kind === 'issuer') fields.push(['issuer', assertion.issuer], ['subject', assertion.subject])
  fields.push(['keys', keysInWords(assertion.keys)])
  fields.push(['audience', assertion.audiences?.join(', ') ?? 'the issuer of this service'])
  if (assertion.kind === 'issuer') fields.push(['each token', assertion.oneTime ? 'once only' : 'until it expires'])
  return fields
}

function keysInWords(keys: KeySource): string {
  if ('jwks' in keys) {
    const kids = keys.jwks.keys.map(({ kid, kty }) => (typeof kid === 'string' ? kid : `${kty} without kid`))
    return `registered: ${kids.join(', ')}`
  }
  const from = 'jwksUri' in keys ? keys.jwksUri : `the OpenID metadata of ${keys.issuer}`
  return keys.ca === undefined ? from : `${from}, with its own CA`
}

/** How a client authenticates without a secret, as JSON. */
export function assertionView(assertion: AssertionTrust) {
  const { keys, audiences } = assertion
  const trust =
    assertion.kind === 'issuer'
      ? { method: 'issuer_token', issuer: assertion.issuer, subject: assertion.subject, one_time: assertion.oneTime }
      : { method: 'private_key_jwt' }
  return {
    ...trust,
    audiences: audiences ?? null,
    ...('jwks' in keys
      ? { jwks: keys.jwks }
      : { jwks_uri: 'jwksUri' in keys ? keys.jwksUri : null, ca: keys.ca ?? null }),
  }
}
