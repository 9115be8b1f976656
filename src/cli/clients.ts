import type { NewClientAccount } from '../domain/clients/clients.js'
import * as create from '../domain/clients/clients.js'
import * as remove from '../domain/clients/clients.js'
import * as rotate from '../domain/clients/clients.js'
import type { AuthContext } from '../domain/context.js'
import type { Database } from '../postgres/database.js'
import { type Print, printTable } from './print-table.js'

/** Who the events of these commands name. */
const ACTOR = 'cli'

/** `latchkey clients create NAME --scope SCOPES`: the secret is printed here and nowhere else. */
export async function createClient(db: Database, client: NewClientAccount, print: Print): Promise<void> {
  const { id, secret } = await create.createClient({ db }, client, ACTOR)
  print(`Made the client ${client.name} with the client_id ${id}.`)
  print(`Its secret, shown only now: ${secret}`)
}

/** `latchkey clients list` */
export async function listClients(db: Database, print: Print): Promise<void> {
  const rows = await db.clients.all()
  const table = rows.map(({ name, id, scopes, createdAt }) => [
    name,
    id,
    scopes.join(','),
    `${createdAt.toISOString().slice(0, 19)}Z`,
  ])
  printTable([['NAME', 'CLIENT ID', 'SCOPES', 'CREATED'], ...table], print)
}

/** `latchkey clients rotate NAME` */
export async function rotateClient(db: Database, name: string, print: Print): Promise<void> {
  const { secret } = await rotate.rotateClientSecret({ db }, name, ACTOR)
  print(`The secret of ${name} is another one; the old one and its access tokens have ended.`)
  print(`Its secret, shown only now: ${secret}`)
}

/** `latchkey clients remove NAME` */
export async function removeClient(context: AuthContext, name: string, print: Print): Promise<void> {
  const sessions = await remove.removeClient(context, name, ACTOR)
  print(`${name} is removed; its access tokens have ended, and ${sessions} sessions that it opened.`)
}
