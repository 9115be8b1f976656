import type { Command } from 'commander'
import { formatInstant, print, printTable } from './output.js'
import { ACTOR, type Configure, withContext, withDatabase } from './with-stores.js'

/** `latchkey clients` */
export function addClientCommands(program: Command, configure: Configure): void {
  const clients = program.command('clients').description('other services that talk to this one')
  clients
    .command('create')
    .description('give a service a client_id and a secret, which is printed once')
    .argument('<name>')
    .requiredOption('--scope <scopes>', 'what it may do, between commas: introspect, revocations, sessions, admin')
    .action(async (name: string, { scope }: { scope: string }) =>
      withDatabase(await configure(), async ({ db }) => {
        const { createClient } = await domain()
        const scopes = scope.split(/[\s,]+/).filter(Boolean)
        const { id, secret } = await createClient({ db }, { name, scopes }, ACTOR)
        print(`Made the client ${name} with the client_id ${id}.`)
        print(`Its secret, shown only now: ${secret}`)
      }),
    )
  clients
    .command('list')
    .description('every client, with its client_id and its scopes')
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
    .description('give a client a new secret, which is printed once; the old one and its tokens end')
    .argument('<name>')
    .action(async (name: string) =>
      withDatabase(await configure(), async ({ db }) => {
        const { rotateClientSecret } = await domain()
        const { secret } = await rotateClientSecret({ db }, name, ACTOR)
        print(`The secret of ${name} is another one; the old one and its access tokens have ended.`)
        print(`Its secret, shown only now: ${secret}`)
      }),
    )
  clients
    .command('remove')
    .description('remove a client; its tokens end, and the sessions that it opened')
    .argument('<name>')
    .action(async (name: string) =>
      withContext(await configure(), async context => {
        const { removeClient } = await domain()
        const sessions = await removeClient(context, name, ACTOR)
        print(`${name} is removed; its access tokens have ended, and ${sessions} sessions that it opened.`)
      }),
    )
}

/** Loaded by a command that needs it, and not for the help. */
const domain = () => import('../domain/clients/clients.js')
