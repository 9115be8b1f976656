import { readFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import type { GivenAssertion } from '../domain/clients/register-assertion.js'
import { messageOf } from '../lib/error-facts.js'
import { UsageError } from './exit-codes.js'
import { repeatableOption } from './options.js'

/** The options with which an operator says how a client authenticates without a secret. */
export interface AssertionOptions {
  jwks?: string
  jwksUri?: string
  issuer?: string
  subject?: string
  audience?: string[]
  ca?: string
  oneTime?: boolean
  allowDefaultAccount?: boolean
}

/** Adds the options of {@link AssertionOptions}. */
export function addAssertionOptions(command: Command): void {
  command
    .addOption(
      new Option(
        '--jwks <file>',
        'its public keys, as a JWK Set: it signs assertions itself (private_key_jwt); with --issuer those of the issuer',
      ),
    )
    .addOption(new Option('--jwks-uri <url>', 'the same, read from an https address'))
    .addOption(
      new Option(
        '--issuer <url>',
        'who signs its tokens: the claim iss, such as that of a Kubernetes cluster; the keys are read from its OpenID ' +
          'metadata unless --jwks or --jwks-uri is given',
      ),
    )
    .addOption(new Option('--subject <subject>', 'the claim sub of its tokens, such as system:serviceaccount:shop:api'))
    .addOption(
      repeatableOption(
        '--audience <audience>',
        'the claim aud of its assertions or tokens; by default the issuer of this service; can be repeated',
        text => [text],
      ),
    )
    .addOption(new Option('--ca <file>', 'the certificates to trust for these addresses, as PEM'))
    .addOption(new Option('--one-time', 'accept each token of the issuer once only'))
    .addOption(new Option('--allow-default-account', 'accept the default service account, which many pods can have'))
}

/**
 * Reads the options and their files. Undefined if none is given.
 *
 * @throws UsageError if a file cannot be read
 */
export async function readAssertionOptions(options: AssertionOptions): Promise<GivenAssertion | undefined> {
  const { jwks, jwksUri, issuer, subject, audience, ca, oneTime, allowDefaultAccount } = options
  const given: GivenAssertion = { jwksUri, issuer, subject, audiences: audience, oneTime, allowDefaultAccount }
  if (jwks !== undefined) given.jwks = parseJson(jwks, await readText('--jwks', jwks))
  if (ca !== undefined) given.ca = await readText('--ca', ca)
  return Object.values(given).some(value => value !== undefined) ? given : undefined
}

async function readText(option: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new UsageError(`${option}: ${file} cannot be read: ${messageOf(error)}.`)
  }
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError(`--jwks: ${file} is not JSON. Give a JWK Set: {"keys":[…]}.`)
  }
}
