import type { Command } from 'commander'
import { withExamples } from './help.js'
import { formatInstant, isJson, print, printArray, printTable } from './output.js'
import { type Configure, withDatabase } from './with-stores.js'

/** `latchkey signals` */
export function addSignalCommands(program: Command, configure: Configure): void {
  const signals = program.command('signals').description('show the Shared Signals streams of clients')
  const list = signals
    .command('list')
    .description('list the streams of all clients, with what waits for them')
    .action(async () =>
      withDatabase(await configure(), async ({ db }) => {
        const [{ streamOverviewView }, { listAllStreams }] = await Promise.all([
          import('../http/stream-views.js'),
          import('../domain/signals/list-streams.js'),
        ])
        const rows = await listAllStreams({ db })
        if (isJson()) return printArray(rows.map(streamOverviewView))
        const cells = rows.map(({ backlog, ...row }) => [
          row.id,
          row.clientName ?? row.clientId,
          row.failingSince !== null && row.status === 'enabled' ? 'failing' : row.status,
          row.endpointHost ?? row.method,
          String(backlog.waiting),
          String(backlog.abandoned),
          formatInstant(row.succeededAt),
          row.events.map(uri => uri.slice(uri.lastIndexOf('/') + 1)).join(','),
          row.lastError ?? row.reason ?? '-',
        ])
        printTable([COLUMNS, ...cells], print)
      }),
    )
  withExamples(list, 'signals list', 'signals list --json')
}

const COLUMNS = ['ID', 'CLIENT', 'STATE', 'TO', 'WAITING', 'GIVEN UP', 'SUCCEEDED', 'EVENTS', 'REASON']
