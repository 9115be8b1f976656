import { createInterface } from 'node:readline/promises'
import { NotConfirmed, UsageError } from './exit-codes.js'

/** @throws UsageError if nobody is at a terminal and `--yes` was not given */
export function requireConfirmation(yes: boolean): void {
  if (!yes && !process.stdin.isTTY) throw new UsageError('nobody is at a terminal to confirm this: give --yes.')
}

/**
 * Asks the person at the terminal before something is lost. The question is on stderr, as stdout is for the result.
 *
 * @throws NotConfirmed
 */
export async function confirm(question: string): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await terminal.question(`${question} This cannot be undone. [y/N] `)
    if (!/^y(es)?$/i.test(answer.trim())) throw new NotConfirmed('Nothing was changed.')
  } finally {
    terminal.close()
  }
}
