import type { AuthContext } from './context.js'

/**
 * Ends every session of every user: what was signed in or issued before now is dead, here and at every verifier. One
 * row says so; the dead rows themselves are cleared away later, in batches.
 *
 * @param actor who does it, for the event
 */
export async function signOutEveryone(
  { db, revocations }: Pick<AuthContext, 'db' | 'revocations'>,
  actor: string,
): Promise<void> {
  const entries = await db.transaction(async ({ realm, journal, securityEvents }) => {
    const before = await realm.endEverything()
    const entries = await journal.append([{ kind: 'realm', before, reason: 'signed_out_everyone' }])
    await securityEvents.add({ type: 'everyone_signed_out', actor })
    return entries
  })
  revocations.announce(entries)
}
