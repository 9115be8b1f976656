import type { Command } from 'commander'
import { formatInstant, print, printTable } from './output.js'
import { ACTOR, type Configure, withContext, withDatabase } from './with-stores.js'

/** `latchkey clients` */
export function addClientCommands(program: Command, configure: Configure): void {
  const clients = program.command('clients').description('manage clients: other services that call this one')
  clients
    .command('create')
    .description('create a client and print its client_id and its secret, which is shown only once')
    .argument('<name>')
    .requiredOption('--scope <scopes>', 'its scopes, separated by commas: introspect, revocations, sessions, admin')
    .action(async (name: string, { scope }: { scope: string }) =>
      withDatabase(await configure(), async ({ db }) => {
        const { createClient } = await domain()
        const scopes = scope.split(/[\s,]+/).filter(Boolean)
        const { id, secret } = await createClient({ db }, { name, scopes }, ACTOR)
        print(`Created the client ${name} with the client_id ${id}.`)
        print(`Its secret, shown only now: ${secret}`)
      }),
    )
  clients
    .command('list')
    .description('list all clients with their client_id and scopes')
    .action(async () =>
      withDatabase(await configure(), async ({ db }) => {
        const rows = await db.clients.all()
        const table = rows.map(({ name, id, scopes, createdAt }) => [
          name,
          id,
          scopes.join(','),
          formatInstant(createdAt),
        ])
        printTable([['NAME', 'CLIENT ID', 'SCOPES', 'CREATED'], ...table], print)
      }),
    )
  clients
    .command('rotate')
    .description('replace the secret of a client and print the new one once; the old one and its tokens become invalid')
    .argument('<name>')
    .action(async (name: string) =>
      withDatabase(await configure(), async ({ db }) => {
        const { rotateClientSecret } = await domain()
        const { secret } = await rotateClientSecret({ db }, name, ACTOR)
        print(`Replaced the secret of ${name}; the old one and its access tokens are invalid.`)
        print(`Its secret, shown only now: ${secret}`)
      }),
    )
  clients
    .command('remove')
    .description('remove a client, invalidate its tokens and revoke the sessions that it opened')
    .argument('<name>')
    .action(async (name: string) =>
      withContext(await configure(), async context => {
        const { removeClient } = await domain()
        const sessions = await removeClient(context, name, ACTOR)
        print(
          `Removed the client ${name}, invalidated its access tokens and revoked ${sessions} sessions that it opened.`,
        )
      }),
    )
}

/** Imported when a command needs it, so that the help is printed without loading it. */
const domain = () => import('../domain/clients/clients.js')
