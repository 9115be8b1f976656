import type { Command } from 'commander'
import { withReceipt } from './await-receipt.js'

export const HELP_OF_EXIT_CODES =
  'Exit codes: 0 done; 1 failed; 2 incomplete; 3 not found; 4 no database; 64 invalid command line (docs/cli.md).'

/** Says in the help of a command that revokes sessions when its effect is complete. */
export function withRevocationDelay(command: Command): Command {
  return withReceipt(command).addHelpText(
    'after',
    '\nRefresh tokens are refused at once. Running instances refuse the access tokens within milliseconds if Redis tells\n' +
      'them, and without Redis (embedded mode) within about a second.',
  )
}

/** Adds examples, and the exit codes, to the help of a command. */
export function withExamples(command: Command, ...examples: string[]): Command {
  const lines = examples.map(example => `  $ latchkey ${example}`)
  return command.addHelpText(
    'after',
    [`\nExample${examples.length > 1 ? 's' : ''}:`, ...lines, '', HELP_OF_EXIT_CODES].join('\n'),
  )
}
