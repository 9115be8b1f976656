import type { Command } from 'commander'
import { withExamples } from './help.js'

/** Adds `latchkey edge`, for the help and for other options before it. Without any, cli.ts starts it by itself. */
export function addEdgeCommand(program: Command): void {
  const command = program
    .command('edge')
    .description('decide about requests beside a gateway, without a database (docs/edge.md)')
    .action(async () => (await import('../edge/serve-edge.js')).serveEdge(process.env))
  withExamples(command, 'edge')
}
