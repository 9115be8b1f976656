import { type Command, InvalidArgumentError, Option } from 'commander'
import type { AuthContext } from '../domain/context.js'
import type { Receipt } from '../revocations/receipts/receipts.js'
import { EXIT, exitIncomplete } from './exit-codes.js'
import { isJson, print, printable, say } from './output.js'

/** What `--wait` of the command says, in seconds. */
let waitSeconds: number | undefined

const MAX_WAIT_SECONDS = 600

/** Adds `--wait` to a command that revokes: it ends when every other service has applied the revocation. */
export function withReceipt(command: Command): Command {
  return command
    .addOption(
      new Option('--wait <seconds>', 'wait until every service that follows the revocations has applied it').argParser(
        readSeconds,
      ),
    )
    .hook('preAction', (_, { opts }) => {
      waitSeconds = opts.call(command).wait
    })
    .addHelpText('after', '\nWith --wait, the exit code is 2 if a service has not applied it in time.')
}

function readSeconds(text: string): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) > MAX_WAIT_SECONDS)
    throw new InvalidArgumentError(`It must be a whole number from 0 to ${MAX_WAIT_SECONDS}.`)
  return Number(text)
}

/** If `--wait` was given, waits for a receipt and reports it. Call it after the work is committed. */
export async function awaitReceipt({ receipts }: Pick<AuthContext, 'receipts'>): Promise<void> {
  if (waitSeconds === undefined) return
  const receipt = await receipts.wait(waitSeconds)
  if (receipt.is === 'complete') {
    if (!isJson()) print('Every service that follows the revocations has applied it.')
    return
  }
  const message = problemOf(receipt)
  if (!isJson()) say(message)
  // One that the command has set already says more.
  if (process.exitCode === undefined) exitIncomplete(EXIT.incomplete, { code: 'incomplete', message })
}

function problemOf(receipt: Exclude<Receipt, { is: 'complete' }>): string {
  if (receipt.is === 'unknown')
    return 'It is revoked, but Postgres does not say which services have applied it ("latchkey verifiers list").'
  const { total, verifiers } = receipt
  const names = verifiers.slice(0, 10).map(({ name, clientName }) => `${name} (${clientName ?? 'removed client'})`)
  const more = total > names.length ? `, and ${total - names.length} more` : ''
  return printable(`It is revoked, but not every service has applied it yet: ${names.join(', ')}${more}.`)
}
