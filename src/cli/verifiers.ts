import type { Command } from 'commander'
import { withExamples } from './help.js'
import { formatInstant, isJson, print, printArray, printTable } from './output.js'
import { type Configure, withDatabase } from './with-stores.js'

/** `latchkey verifiers` */
export function addVerifierCommands(program: Command, configure: Configure): void {
  const verifiers = program
    .command('verifiers')
    .description('show the processes of other services that follow the revocations')
  const list = verifiers
    .command('list')
    .description('list them, with their state and how far they are behind')
    .addHelpText(
      'after',
      '\nStates: following (connected), starting (has confirmed nothing yet), cut_off (not connected, or its instance has\n' +
        'not answered for 15 seconds; can still accept tokens), stale (refuses every token; listed for an hour).',
    )
    .action(async () =>
      withDatabase(await configure(), async ({ db }) => {
        const [{ verifierView }, { listVerifiers }] = await Promise.all([
          import('../http/verifier-views.js'),
          import('../domain/clients/list-verifiers.js'),
        ])
        const rows: ReturnType<typeof verifierView>[] = []
        for (let cursor: string | undefined, isLast = false; !isLast; ) {
          const { verifiers, nextCursor } = await listVerifiers({ db }, { cursor, limit: PAGE_SIZE })
          rows.push(...verifiers.map(verifierView))
          cursor = nextCursor ?? undefined
          isLast = nextCursor === null
        }
        if (isJson()) return printArray(rows)
        const cells = rows.map(row => [
          row.name,
          row.client_name ?? '-',
          row.state,
          row.lag_seconds === null ? '-' : `${row.lag_seconds.toFixed(row.lag_seconds < 10 ? 1 : 0)}s`,
          formatInstant(row.confirmed_at === null ? null : new Date(row.confirmed_at)),
          `${row.max_staleness_seconds}s`,
          row.instance,
          formatInstant(new Date(row.connected_at)),
          row.id,
        ])
        printTable([COLUMNS, ...cells], print)
      }),
    )
  withExamples(list, 'verifiers list', 'verifiers list --json')
}

const COLUMNS = ['NAME', 'CLIENT', 'STATE', 'LAG', 'CONFIRMED', 'BOUND', 'INSTANCE', 'CONNECTED', 'ID']
const PAGE_SIZE = 1000
