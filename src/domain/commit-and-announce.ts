import type { Revocation } from '@latchkey/verifier/core'
import type { Repositories, RevokingRepositories } from '../postgres/database.js'
import type { AuthContext } from './context.js'

/**
 * Runs the work in one transaction. After the commit it announces every revocation that the work wrote to the journal:
 * to this instance at once, and to the other instances. This is the only way to revoke anything: no other transaction
 * has the right to write to the journal, so an announcement cannot be forgotten.
 */
export async function commitAndAnnounce<Result>(
  { db, revocations }: Pick<AuthContext, 'db' | 'revocations'>,
  work: (repositories: RevokingRepositories) => Promise<Result>,
): Promise<Result> {
  let written: Revocation[] = []
  const result = await db.transaction(given => {
    // The work is run again if Postgres rolled it back.
    written = []
    const repositories = withJournalWrites(given)
    const journal: RevokingRepositories['journal'] = {
      ...repositories.journal,
      async append(entries) {
        const appended = await repositories.journal.append(entries)
        written.push(...appended)
        return appended
      },
    }
    return work({ ...repositories, journal })
  })
  revocations.announce(written)
  return result
}

/** The same repositories, with the right to write to the journal. The caller must announce what it writes. */
export function withJournalWrites(given: Repositories): RevokingRepositories {
  return given as RevokingRepositories
}
