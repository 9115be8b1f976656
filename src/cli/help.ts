import type { Command } from 'commander'

export const HELP_OF_EXIT_CODES =
  'Exit codes: 0 done; 1 failed; 2 incomplete; 3 not found; 4 no database; 64 invalid command line (docs/cli.md).'

/** Adds examples, and the exit codes, to the help of a command. */
export function withExamples(command: Command, ...examples: string[]): Command {
  const lines = examples.map(example => `  $ latchkey ${example}`)
  return command.addHelpText(
    'after',
    [`\nExample${examples.length > 1 ? 's' : ''}:`, ...lines, '', HELP_OF_EXIT_CODES].join('\n'),
  )
}
