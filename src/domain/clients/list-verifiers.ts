import { fieldError } from '../../lib/errors.js'
import { isUuid } from '../../lib/ids.js'
import type { ListedVerifier, VerifierPlace } from '../../postgres/receipts.js'
import type { AuthContext } from '../context.js'

export interface VerifierPage {
  verifiers: ListedVerifier[]
  /** Where the next page begins; null after the last page. */
  nextCursor: string | null
}

/**
 * Lists the verifiers of other services, sorted by name, a page at a time.
 *
 * @throws LatchkeyError invalid_request for a cursor that this list has not given
 */
export async function listVerifiers(
  { db }: Pick<AuthContext, 'db'>,
  { cursor, limit }: { cursor?: string | undefined; limit: number },
): Promise<VerifierPage> {
  // One more than the limit shows whether there is a next page.
  const found = await db.receipts.list(limit + 1, cursor === undefined ? undefined : readCursor(cursor))
  const verifiers = found.slice(0, limit)
  return { verifiers, nextCursor: found.length > limit ? writeCursor(verifiers.at(-1)!) : null }
}

function writeCursor({ name, id }: VerifierPlace): string {
  return Buffer.from(JSON.stringify([name, id])).toString('base64url')
}

function readCursor(cursor: string): VerifierPlace {
  try {
    const [name, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[]
    // Postgres cannot store a NUL in text.
    if (typeof name === 'string' && !name.includes('\0') && typeof id === 'string' && isUuid(id)) return { name, id }
  } catch {
    // Refused below.
  }
  throw fieldError('invalid_request', 'cursor', 'is not one of this list: start without it', {
    detail: 'The cursor is not one of this list.',
  })
}
