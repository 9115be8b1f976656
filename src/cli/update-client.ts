import type { Command } from 'commander'
import type { GivenAssertion } from '../domain/clients/register-assertion.js'
import { type AssertionOptions, addAssertionOptions, readAssertionOptions } from './client-credentials.js'
import { assertionFields, clientView, credentialsInWords, findClient, NAME, shownOnce } from './client-view.js'
import { UsageError } from './exit-codes.js'
import { withExamples } from './help.js'
import { print, printFields, printResult } from './output.js'
import { ACTOR, type Configure, withDatabase } from './with-stores.js'

/** `latchkey clients update` */
export function addUpdateCommand(clients: Command, configure: Configure): void {
  const update = clients
    .command('update')
    .description(
      'change how a client authenticates; its keys or its issuer are replaced as a whole, and its access tokens become invalid',
    )
    .argument(NAME)
    .option('--secret', 'give it a secret if it has none')
    .option('--no-secret', 'remove its secret')
    .option('--no-assertion', 'remove its keys or its issuer')
    .action(async (given: string, { secret, assertion, ...options }: UpdateOptions) => {
      const replaced = await readAssertionOptions(options)
      if (replaced && !assertion) throw new UsageError('--no-assertion cannot be used with keys or an issuer.')
      if (!replaced && assertion && secret === undefined)
        throw new UsageError(
          'give --jwks, --jwks-uri, --issuer with --subject, --secret, --no-secret or --no-assertion.',
        )
      if (replaced && !namesKeys(replaced))
        throw new UsageError(
          'the keys or the issuer are replaced as a whole: repeat everything that shall stay, as clients show prints it, ' +
            'with --jwks, --jwks-uri, or --issuer and --subject.',
        )
      await withDatabase(await configure(), async ({ db }) => {
        const { changeClientCredentials } = await import('../domain/clients/change-client.js')
        const { id } = await findClient(db, given)
        const change = { secret, assertion: assertion ? replaced : null }
        const { client, secret: made } = await changeClientCredentials({ db }, id, change, ACTOR)
        printResult({ ...clientView(client), ...(made && { client_secret: made }) }, () => {
          print(`${client.name} now authenticates by: ${credentialsInWords(client)}. Its access tokens are invalid.`)
          printFields(assertionFields(client))
          if (made !== undefined) print(shownOnce(made))
        })
      })
    })
  addAssertionOptions(update)
  withExamples(update, 'clients update shop --jwks shop.jwks.json', 'clients update shop --no-secret')
}

/** Whether the options say whose signatures are accepted, and not only a detail of that. */
function namesKeys({ jwks, jwksUri, issuer, subject }: GivenAssertion): boolean {
  return [jwks, jwksUri, issuer, subject].some(value => value !== undefined)
}

type UpdateOptions = AssertionOptions & { secret?: boolean; assertion: boolean }
