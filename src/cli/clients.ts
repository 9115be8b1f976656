import type { Command } from 'commander'
import { type AssertionOptions, addAssertionOptions, readAssertionOptions } from './client-credentials.js'
import { assertionFields, clientView, credentialsInWords, findClient, NAME, shownOnce } from './client-view.js'
import { UsageError } from './exit-codes.js'
import { withExamples, withRevocationDelay } from './help.js'
import { repeatableOption } from './options.js'
import { formatInstant, isJson, print, printArray, printFields, printResult, printTable } from './output.js'
import { addUpdateCommand } from './update-client.js'
import { ACTOR, type Configure, withContext, withDatabase } from './with-stores.js'

/** `latchkey clients` */
export function addClientCommands(program: Command, configure: Configure): void {
  const clients = program.command('clients').description('manage clients: other services that call this one')
  addReadingCommands(clients, configure)
  const create = clients
    .command('create')
    .description(
      'create a client and print its client_id, and its secret, which is shown only once and which it has only if no keys ' +
        'and no issuer are given',
    )
    .argument('<name>')
    .addOption(
      repeatableOption(
        '--scope <scopes>',
        'its scopes, separated by commas: introspect, revocations, sessions, signals, admin; can be repeated',
        text => text.split(/[\s,]+/).filter(Boolean),
      ).makeOptionMandatory(),
    )
    .option('--secret', 'give it a secret too')
    .action(async (name: string, { scope, secret: withSecret, ...given }: CreateOptions) => {
      const scopes = await readScopes(scope)
      const assertion = await readAssertionOptions(given)
      await withDatabase(await configure(), async ({ db }) => {
        const { createClient } = await domain()
        const { id, secret } = await createClient({ db }, { name, scopes, assertion, withSecret }, ACTOR)
        printResult({ client_id: id, ...(secret && { client_secret: secret }), name, scopes }, () => {
          print(`Created the client ${name} with the client_id ${id}.`)
          print(secret === undefined ? 'It has no secret: it authenticates by assertions.' : shownOnce(secret))
        })
      })
    })
  addAssertionOptions(create)
  withExamples(
    create,
    'clients create shop --scope introspect,sessions',
    'clients create shop --scope admin --json',
    'clients create shop --scope revocations --jwks shop.jwks.json',
    'clients create shop --scope revocations --issuer https://kubernetes.default.svc.cluster.local --subject system:serviceaccount:shop:api',
  )
  addUpdateCommand(clients, configure)

  const rotate = clients
    .command('rotate')
    .description('replace the secret of a client and print the new one once; the old one and its tokens become invalid')
    .argument(NAME)
    .action(async (given: string) =>
      withDatabase(await configure(), async ({ db }) => {
        const { rotateClientSecret } = await domain()
        const { name } = await findClient(db, given)
        const { id, secret } = await rotateClientSecret({ db }, name, ACTOR)
        printResult({ client_id: id, client_secret: secret, name }, () => {
          print(`Replaced the secret of ${name}; the old one and its access tokens are invalid.`)
          print(shownOnce(secret))
        })
      }),
    )
  withExamples(rotate, 'clients rotate shop')

  const remove = clients
    .command('remove')
    .alias('delete')
    .description('remove a client, invalidate its tokens and revoke the sessions that it opened')
    .argument(NAME)
    .action(async (given: string) =>
      withContext(await configure(), async context => {
        const { removeClient } = await domain()
        const { id, name } = await findClient(context.db, given)
        const sessions = await removeClient(context, name, ACTOR)
        printResult({ client_id: id, name, sessions_revoked: sessions }, () =>
          print(
            `Removed the client ${name}, invalidated its access tokens and revoked ${sessions} sessions that it opened.`,
          ),
        )
      }),
    )
  withExamples(withRevocationDelay(remove), 'clients remove shop')
}

type CreateOptions = AssertionOptions & { scope: string[]; secret?: boolean }

function addReadingCommands(clients: Command, configure: Configure): void {
  const list = clients
    .command('list')
    .description('list all clients with their client_id, scopes and how they authenticate')
    .action(async () =>
      withDatabase(await configure(), async ({ db }) => {
        const rows = await db.clients.all()
        if (isJson()) return printArray(rows.map(clientView))
        const table = rows.map(client => [
          client.name,
          client.id,
          client.scopes.join(','),
          formatInstant(client.createdAt),
          credentialsInWords(client),
        ])
        printTable([['NAME', 'CLIENT ID', 'SCOPES', 'CREATED', 'AUTHENTICATES BY'], ...table], print)
      }),
    )
  withExamples(list, 'clients list', 'clients list --json')

  const show = clients
    .command('show')
    .description('show one client')
    .argument(NAME)
    .action(async (given: string) =>
      withDatabase(await configure(), async ({ db }) => {
        const client = await findClient(db, given)
        printResult(clientView(client), () =>
          printFields([
            ['name', client.name],
            ['client_id', client.id],
            ['scopes', client.scopes.join(', ')],
            ['created', formatInstant(client.createdAt)],
            ['authenticates by', credentialsInWords(client)],
            ...assertionFields(client),
          ]),
        )
      }),
    )
  withExamples(show, 'clients show shop')
}

/** @throws UsageError that names the scopes, before any store is opened */
async function readScopes(scopes: readonly string[]): Promise<string[]> {
  const { SCOPES } = await domain()
  const known: readonly string[] = SCOPES
  const advice = `give one or more of ${SCOPES.join(', ')}, separated by commas`
  const unknown = scopes.find(scope => !known.includes(scope))
  if (unknown !== undefined) throw new UsageError(`${JSON.stringify(unknown)} is not a scope: ${advice}.`)
  if (scopes.length === 0) throw new UsageError(`${advice}.`)
  return [...new Set(scopes)]
}

/** Imported when a command needs it, so that the help is printed without loading it. */
const domain = () => import('../domain/clients/clients.js')
