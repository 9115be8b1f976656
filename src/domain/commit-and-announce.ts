import type { Repositories, RevokingRepositories } from '../postgres/database.js'
import type { Revocation } from '../revocations/revocation.js'
import type { AuthContext } from './context.js'

/**
 * Runs the work in one transaction, and once it has committed announces every revocation that the work wrote to the
 * journal: here at once, and to the other instances. It is the only way to revoke anything, as no other transaction can
 * write to the journal, so that nobody can forget the announcement.
 */
export async function commitAndAnnounce<Result>(
  { db, revocations }: Pick<AuthContext, 'db' | 'revocations'>,
  work: (repositories: RevokingRepositories) => Promise<Result>,
): Promise<Result> {
  const written: Revocation[] = []
  const result = await db.transaction(given => {
    const repositories = revoking(given)
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

/** The same repositories, with the right to write to the journal. Whoever asks for it announces what they wrote. */
export function revoking(given: Repositories): RevokingRepositories {
  return given as RevokingRepositories
}
