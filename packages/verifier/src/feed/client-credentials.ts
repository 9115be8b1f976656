import { randomUUID, sign } from 'node:crypto'
import { RequestFailure } from '../transport/request-failure.js'
import type { SigningKey } from './signing-key.js'

/** The checked option `client`: who this service is at Latchkey, and how it proves that. */
export type ClientCredentials = { id: string } & (
  | { secret: string }
  /** Makes or fetches a new assertion. */
  | { assertion: () => string | Promise<string> }
  /** A file with an assertion, which something else replaces, such as Kubernetes. */
  | { assertionFile: string }
  | { privateKey: SigningKey }
)

/** What a token request contains in addition: headers and fields of the form. */
export interface CredentialParts {
  headers: Record<string, string>
  fields: Record<string, string>
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const LIFETIME_SECONDS = 60

/**
 * The credentials for one token request. An assertion is made or read anew each time: its own one is accepted once, and
 * a file is replaced before the token in it expires.
 *
 * @param issuer the audience of an own assertion
 * @throws RequestFailure if there is no assertion now
 */
export async function credentialParts(client: ClientCredentials, issuer: string): Promise<CredentialParts> {
  if ('secret' in client) return { headers: { authorization: basic(client) }, fields: {} }
  const assertion = await assertionOf(client, issuer)
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(assertion))
    throw new RequestFailure('content', `${sourceOf(client)} contains no JWT`)
  const fields = { client_id: client.id, client_assertion_type: ASSERTION_TYPE, client_assertion: assertion }
  return { headers: {}, fields }
}

/** What an operator checks if the credentials are refused. */
export function credentialAdvice(client: ClientCredentials): string {
  if ('secret' in client) return 'check `client.id` and `client.secret`'
  return `check \`client.id\` and ${sourceOf(client)}; the log of Latchkey says why the assertion was refused`
}

function sourceOf(client: Exclude<ClientCredentials, { secret: string }>): string {
  return 'assertionFile' in client
    ? `the file ${client.assertionFile}`
    : 'privateKey' in client
      ? '`client.privateKey`'
      : '`client.assertion`'
}

async function assertionOf(client: Exclude<ClientCredentials, { secret: string }>, issuer: string): Promise<string> {
  if ('privateKey' in client) return signAssertion(client.privateKey, client.id, issuer)
  try {
    const given = 'assertion' in client ? await client.assertion() : await readText(client.assertionFile)
    return String(given).trim()
  } catch (error) {
    // The message of a function of the application could contain anything.
    const code = (error as { code?: unknown }).code
    const reason = 'assertionFile' in client ? `cannot be read (${String(code)})` : 'failed'
    throw new RequestFailure('content', `${sourceOf(client)} ${reason}`)
  }
}

/** Loads what reads files only if there is a file, because of its memory. */
async function readText(path: string): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  return readFile(path, 'utf8')
}

function signAssertion({ key, alg, hash, kid }: SigningKey, clientId: string, issuer: string): string {
  const now = Math.floor(Date.now() / 1000)
  const header = { alg, typ: 'client-authentication+jwt', ...(kid !== undefined && { kid }) }
  const claims = {
    iss: clientId,
    sub: clientId,
    aud: issuer,
    iat: now,
    exp: now + LIFETIME_SECONDS,
    jti: randomUUID(),
  }
  const text = [header, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${text}.${sign(hash, Buffer.from(text), key).toString('base64url')}`
}

/** Both parts are form-encoded before they are joined (RFC 6749, 2.3.1). */
function basic({ id, secret }: { id: string; secret: string }): string {
  const encoded = [id, secret].map(part => new URLSearchParams({ '': part }).toString().slice(1)).join(':')
  return `Basic ${Buffer.from(encoded).toString('base64')}`
}
