import type { Config } from '../config/config.js'
import type { NewAccount } from '../domain/accounts/administer-users.js'
import type { NewNames } from '../domain/accounts/rename-user.js'
import type { NewClientAccount } from '../domain/clients/clients.js'
import * as clients from './clients.js'
import { importUsers as importInto, openImport } from './import-users.js'
import * as keys from './keys.js'
import { openRoleMapping } from './open-role-mapping.js'
import * as users from './users.js'
import { withContext, withDatabase } from './with-stores.js'

// What the commands for operators do. In a file of its own, which is loaded when one of them runs: the help comes at
// once, and the service does without it.

const print = (line: string) => console.log(line)
const say = (line: string) => console.error(line)

export const listKeys = (config: Config) => withDatabase(config, ({ db }) => keys.listKeys(db.signingKeys, print))

export const rotateKeys = (config: Config, { immediately }: { immediately: boolean }) =>
  withDatabase(config, ({ db, keyOptions }) => keys.rotateKeys(db, { ...keyOptions, immediately }, print))

export const revokeKey = (config: Config, kid: string) =>
  withContext(config, context => keys.revokeKey(context, kid, print))

export const signOutEveryone = (config: Config) => withContext(config, context => users.signOutEveryone(context, print))

export const setRoles = (config: Config, name: string, roles: readonly string[]) =>
  withContext(config, context => users.setRoles(context, name, roles, print))

export const checkEmails = (config: Config) =>
  withDatabase(config, async ({ db }) => {
    const shared = await users.checkEmails({ db }, print)
    if (shared > 0) process.exitCode = EXIT_INCOMPLETE
  })

export const renameUser = (config: Config, name: string, names: NewNames) =>
  withContext(config, context => users.renameUser(context, name, names, print))

export const createUser = (config: Config, account: NewAccount) =>
  withContext(config, context => users.createUser(context, account, print))

export const resetPassword = (config: Config, name: string) =>
  withContext(config, context => users.resetPassword(context, name, print))

export const disableUser = (config: Config, name: string) =>
  withContext(config, context => users.disableUser(context, name, print))

export const enableUser = (config: Config, name: string) =>
  withContext(config, context => users.enableUser(context, name, print))

export async function importUsers(config: Config, path: string, mappingPath: string | undefined): Promise<void> {
  // Before anything is started for it.
  const mapRoles = mappingPath === undefined ? undefined : await openRoleMapping(mappingPath)
  const input = await openImport(path)
  await withDatabase(config, async ({ db }) => {
    const { signInFailureDelayMs } = config
    const leftOut = await importInto(db, input, { print, say }, { mapRoles, signInFailureDelayMs })
    if (leftOut > 0) process.exitCode = EXIT_INCOMPLETE
  })
}

/** It ran to its end, but not all could be done; 1 says that it did not run to its end. */
const EXIT_INCOMPLETE = 2
export const createClient = (config: Config, client: NewClientAccount) =>
  withDatabase(config, ({ db }) => clients.createClient(db, client, print))

export const listClients = (config: Config) => withDatabase(config, ({ db }) => clients.listClients(db, print))

export const rotateClient = (config: Config, name: string) =>
  withDatabase(config, ({ db }) => clients.rotateClient(db, name, print))

export const removeClient = (config: Config, name: string) =>
  withContext(config, context => clients.removeClient(context, name, print))
