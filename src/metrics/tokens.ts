import { Counter } from 'prom-client'
import {
  REFRESH_ROWS,
  type RefreshRow,
  refreshes,
  SIGN_IN_OUTCOMES,
  signIns,
  TOKEN_CHECK_OUTCOMES,
  tokenChecks,
} from '../lib/measurements.js'
import { countEach } from './count-each.js'
import type { MetricsOptions } from './sources.js'

/** Sign-ins, refreshes and checks of access tokens, by their outcome. */
export function measureTokens(options: MetricsOptions): void {
  countEach(options, {
    name: 'latchkey_sign_ins_total',
    help: 'Sign-ins with a password, by outcome.',
    label: 'outcome',
    values: SIGN_IN_OUTCOMES,
    reports: signIns,
  })

  const refreshesTotal = new Counter({
    name: 'latchkey_refreshes_total',
    help: 'Refreshes, by the row of the table that decided (docs/rotation.md).',
    labelNames: ['row', 'outcome', 'rotating'],
    registers: [options.registry],
  })
  const labelsOf = (row: RefreshRow, isRotating: boolean) => ({
    row,
    outcome: REFRESH_ROWS[row],
    rotating: isRotating ? 'yes' : 'no',
  })
  for (const row of Object.keys(REFRESH_ROWS) as RefreshRow[]) refreshesTotal.inc(labelsOf(row, true), 0)
  options.onClose(refreshes.listen(({ row, isRotating }) => refreshesTotal.inc(labelsOf(row, isRotating))))

  countEach(options, {
    name: 'latchkey_token_checks_total',
    help: 'Checks of access tokens by this service, by outcome. A request with a body can cause two.',
    label: 'outcome',
    values: TOKEN_CHECK_OUTCOMES,
    reports: tokenChecks,
  })
}
