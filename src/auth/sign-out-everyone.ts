import type { AuthContext } from './context.js'

/**
 * Ends every session of every user that began before now, here and at every verifier. One row says so; the dead rows
 * themselves are cleared away later, in batches. It takes up to a second. What an earlier call ended stays as it is.
 *
 * @param actor who does it, for the event
 * @param until ends only what is older than this instant (seconds since the epoch). One ahead is now: clocks differ, and
 *   nobody is signed out in advance
 */
export async function signOutEveryone(
  { db, revocations }: Pick<AuthContext, 'db' | 'revocations'>,
  actor: string,
  until?: number,
): Promise<void> {
  const entries = await db.transaction(async ({ realm, journal, securityEvents }) => {
    const before = await realm.endEverything(until)
    if (before === undefined) return []
    const entries = await journal.append([{ kind: 'realm', before, reason: 'signed_out_everyone' }])
    await securityEvents.add({ type: 'everyone_signed_out', actor, details: { before } })
    return entries
  })
  revocations.announce(entries)
}
