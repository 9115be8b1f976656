import { setTimeout as sleep } from 'node:timers/promises'
import { commitAndAnnounce } from './commit-and-announce.js'
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
  context: Pick<AuthContext, 'db' | 'revocations'>,
  actor: string,
  until?: number,
): Promise<void> {
  const bound = await nextSecond(context.db, until)
  await commitAndAnnounce(context, async ({ realm, journal, securityEvents }) => {
    const before = await realm.endEverything(bound, until)
    if (before === undefined) return
    await journal.append([{ kind: 'realm', before, reason: 'signed_out_everyone' }])
    await securityEvents.add({ type: 'everyone_signed_out', actor, details: { before } })
  })
}

/**
 * The whole second before which everything has begun that is to end, when it has come. Tokens say in whole seconds when
 * their session began. It is waited for outside the transaction, so that nobody waits for its locks meanwhile.
 */
async function nextSecond({ realm }: Pick<AuthContext['db'], 'realm'>, until: number | undefined): Promise<number> {
  let now = await realm.now()
  const bound = Math.ceil(Math.min(until ?? now, now))
  for (; now < bound; now = await realm.now()) await sleep(Math.ceil((bound - now) * 1000))
  return bound
}
