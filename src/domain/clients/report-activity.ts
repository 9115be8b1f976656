import { type FieldError, fieldError, LatchkeyError } from '../../lib/errors.js'
import { readPosition } from '../../revocations/receipts/position.js'
import type { AuthContext } from '../context.js'
import type { ClientPrincipal } from './client-principal.js'
import type { ReportedSighting } from './reported-sightings.js'

/** What a verifier reports. */
export interface ActivityReport {
  /** Its id; undefined for an observer, which can only report sessions. */
  verifierId?: string | undefined
  /** That of the last heartbeat whose revocations it has applied. */
  position?: string | undefined
  sightings: readonly ReportedSighting[]
  /** It verifies no token from now on. */
  isClosing: boolean
}

/**
 * Records which sessions were used at another service, and what its verifier has applied of the revocations, for receipts.
 *
 * @throws LatchkeyError invalid_request, verifier_not_found, verifier_id_taken, store_unavailable
 */
export async function reportActivity(
  { confirmations, reportedSightings }: Pick<AuthContext, 'confirmations' | 'reportedSightings'>,
  { clientId }: ClientPrincipal,
  { verifierId, position, sightings, isClosing }: ActivityReport,
): Promise<void> {
  const applied = position === undefined ? undefined : readPosition(position)
  const errors: FieldError[] = []
  if (verifierId === undefined && (position !== undefined || isClosing))
    errors.push({ field: 'verifier', message: 'is required with position and with closing' })
  if (position !== undefined && applied === undefined) errors.push({ field: 'position', message: NO_POSITION })
  if (errors.length > 0) throw new LatchkeyError('invalid_request', { errors })
  // They are worth recording even if the verifier is not known.
  reportedSightings.record(sightings)
  if (verifierId === undefined) return
  const { serverStart = null, snapshot = null } = applied ?? {}
  const outcome = await confirmations.confirm({ verifierId, clientId, serverStart, snapshot, isClosing })
  if (outcome === 'unknown') throw new LatchkeyError('verifier_not_found')
  if (outcome === 'taken') throw new LatchkeyError('verifier_id_taken')
  if (outcome === 'impossible') throw fieldError('invalid_request', 'position', NO_POSITION)
}

const NO_POSITION = 'must be the position of a heartbeat of /auth/revocations'
