import type { Database } from '../../postgres/database.js'
import type { Revocation } from '../../revocations/revocation.js'
import { withJournalWrites } from '../context.js'

type Of<Kind extends Revocation['kind']> = Extract<Revocation, { kind: Kind }>

/**
 * Repeats revocations that the database lost in a failover: the entries of the journal and the changes that caused
 * them. If several instances find the loss at the same time, the first one repairs it and the others find nothing to
 * do.
 *
 * @param findLost returns the entries that are missing in the journal
 * @returns the entries that were written
 */
export async function repairRevocations(
  db: Database,
  findLost: (known: readonly Revocation[]) => Revocation[],
): Promise<Revocation[]> {
  return db.transaction(async given => {
    const { journal, users, sessions, refreshTokens, realm, signingKeys } = withJournalWrites(given)
    await journal.lockForRepair()
    const lost = findLost((await journal.readAll()).entries)
    const of = <Kind extends Revocation['kind']>(kind: Kind) =>
      lost.filter((entry): entry is Of<Kind> => entry.kind === kind)

    // In the lock order: users before sessions before the whitelist before the journal.
    for (const entry of of('realm')) await realm.raiseNotBefore(entry.before)
    for (const entry of of('key')) await signingKeys.revoke(entry.subject)
    const outdated: string[] = []
    for (const entry of of('user').sort((a, b) => (a.subject < b.subject ? -1 : 1))) {
      if ('belowRolesVersion' in entry) await users.raiseRolesVersionTo(entry.subject, entry.belowRolesVersion)
      else if ('belowVersion' in entry && (await users.raiseTokenVersionTo(entry.subject, entry.belowVersion)))
        outdated.push(entry.subject)
    }
    const lostSessions = of('session').map(({ subject }) => subject)
    const ended = [
      ...(await sessions.revokeAny(lostSessions, 'recovered')),
      ...(await sessions.revokeAllOf(outdated, 'recovered')),
    ]
    await refreshTokens.remove(ended.map(({ id }) => id))
    return journal.append(lost)
  })
}
