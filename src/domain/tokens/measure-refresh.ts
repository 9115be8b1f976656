import { type ErrorCode, LatchkeyError } from '../../lib/errors.js'
import { type RefreshRow, refreshes } from '../../lib/measurements.js'

/** The row of the table (docs/rotation.md) that answered a refresh. Whoever gives tokens sets it. */
export interface Answered {
  row: RefreshRow
}

/** The rows that refuse. */
const ROW_OF_REFUSAL: Partial<Record<ErrorCode, RefreshRow>> = {
  refresh_token_invalid: '0',
  client_required: '0b',
  invalid_grant: '0b',
  session_revoked: '1',
  session_expired: '1',
  refresh_token_expired: '1',
  user_disabled: '1',
  refresh_token_superseded: '7',
  refresh_token_reused: '8',
  refresh_token_unknown: '9',
}

/** Refreshes, and reports by which row of the table it was answered. */
export async function measureRefresh<Result>(
  isRotating: boolean,
  refresh: (answered: Answered) => Promise<Result>,
): Promise<Result> {
  const answered: Answered = { row: 'none' }
  try {
    const result = await refresh(answered)
    refreshes.report({ row: answered.row, isRotating })
    return result
  } catch (error) {
    const row = error instanceof LatchkeyError ? ROW_OF_REFUSAL[error.code] : undefined
    refreshes.report({ row: row ?? 'none', isRotating })
    throw error
  }
}
