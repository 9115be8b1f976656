import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { NotConfirmed, UsageError } from './exit-codes.js'
import { printable } from './output.js'

/** @throws UsageError if nobody is at a terminal and `--yes` was not given */
export function requireConfirmation(yes: boolean): void {
  if (!yes && !process.stdin.isTTY) throw new UsageError('nobody is at a terminal to confirm this: give --yes.')
}

/**
 * Asks the person at the terminal before something is lost. The question is on stderr, as stdout is for the result.
 *
 * @throws NotConfirmed, also after Ctrl-C and Ctrl-D
 */
export async function confirm(question: string): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  let answer = ''
  terminal.question(`${printable(question)} This cannot be undone. [y/N] `, given => {
    answer = given
    terminal.close()
  })
  await once(terminal, 'close')
  if (!/^y(es)?$/i.test(answer.trim())) throw new NotConfirmed('Nothing was changed.')
}
