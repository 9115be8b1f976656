import type { Revocation } from './revocation.js'
import { RevocationList } from './revocation-list.js'

/** What a list knows and a journal lacks, after a failover to a server that had not got the last commits. */
export function findLost(list: RevocationList, journal: readonly Revocation[]): Revocation[] {
  const there = new RevocationList()
  for (const entry of journal) there.add(entry)
  return [...list.entries()].filter(entry => !there.covers(entry))
}
