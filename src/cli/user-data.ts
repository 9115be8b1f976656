import { isUtf8 } from 'node:buffer'
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { codeOf } from '../lib/error-facts.js'
import type { User } from '../postgres/users.js'
import { withReceipt } from './await-receipt.js'
import { UsageError } from './exit-codes.js'
import { withExamples } from './help.js'
import { print, printResult } from './output.js'
import { USER } from './read-users.js'
import { ACTOR, type Configure, type ReadingContext, withContext, withReading } from './with-stores.js'

const domain = () => import('../domain/accounts/user-data.js')

interface DataOptions {
  set?: string
}

const SET = '--set <file>'

/** `latchkey users claims | metadata` */
export function addUserDataCommands(users: Command, configure: Configure): void {
  const claims = users
    .command('claims')
    .description('print what access tokens say about an account, or replace it; its sessions continue after a refresh')
    .argument(USER)
    .option(SET, 'replace them by the JSON object in this file, or - for standard input; {} removes all')
    .action(async (name: string, { set }: DataOptions) => {
      if (set === undefined) return readOne(await configure(), name, (_, user) => user.claims)
      // Before the stores are opened.
      const given = await readJson(set)
      await withContext(await configure(), async context => {
        const { id } = await find(context, name)
        await (await domain()).setClaims(context, id, given, ACTOR)
        printResult(given, () => print(`Replaced the claims of ${name}.`))
      })
    })
  withExamples(withReceipt(claims), 'users claims ada@example.com', 'users claims ada@example.com --set claims.json')

  const metadata = users
    .command('metadata')
    .description('print what your application notes about an account, or replace it; no token contains it')
    .argument(USER)
    .option(SET, 'replace it by the JSON object in this file, or - for standard input; {} removes it')
    .action(async (name: string, { set }: DataOptions) => {
      if (set === undefined) return readOne(await configure(), name, ({ db }, user) => db.userMetadata.of(user.id))
      const given = await readJson(set)
      await withContext(await configure(), async context => {
        const { id } = await find(context, name)
        await (await domain()).setMetadata(context, id, given, ACTOR)
        printResult(given, () => print(`Replaced the metadata of ${name}.`))
      })
    })
  withExamples(metadata, 'users metadata ada@example.com', 'users metadata ada@example.com --set notes.json')
}

type Data = Record<string, unknown> | null

async function readOne(
  config: Awaited<ReturnType<Configure>>,
  name: string,
  read: (context: ReadingContext, user: User) => Data | Promise<Data>,
): Promise<void> {
  await withReading(config, async context => {
    const found = (await read(context, await find(context, name))) ?? {}
    printResult(found, () => print(JSON.stringify(found)))
  })
}

async function find(context: Pick<ReadingContext, 'db'>, name: string): Promise<User> {
  const { getAccountByAnyName } = await import('../domain/accounts/find-account.js')
  return getAccountByAnyName(context, name)
}

/** Far more than what is accepted, also with white space. */
const MAX_BYTES = 256 * 1024

/** @throws UsageError */
async function readJson(path: string): Promise<unknown> {
  const source = path === '-' ? 'standard input' : path
  const bytes = path === '-' ? await readStandardInput() : await readBytes(path)
  if (bytes.length > MAX_BYTES) throw new UsageError(`${source} has more than ${MAX_BYTES} bytes.`)
  if (!isUtf8(bytes)) throw new UsageError(`${source} is not UTF-8.`)
  try {
    // Some editors write a byte order mark at the start of a file.
    return JSON.parse(bytes.toString('utf8').replace(/^\uFEFF/, ''))
  } catch {
    throw new UsageError(`${source} is not JSON.`)
  }
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new UsageError(`the file ${path} cannot be read (${codeOf(error)}).`)
  }
}

async function readStandardInput(): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > MAX_BYTES) break
  }
  return Buffer.concat(chunks)
}
