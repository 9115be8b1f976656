import { isDeepStrictEqual } from 'node:util'
import { type Revocation, RevocationList, type TokenFacts } from '@latchkey/verifier/core'
import { findLostRevocations } from '../../../src/revocations/lost-revocations.js'

// Nothing expires in the model: an entry is valid for hours, and the search covers seconds.
const forEver = { reason: 'logout', expiresAt: Number.MAX_SAFE_INTEGER }

/** The entry that each transaction of the model writes. Two of them raise the same bound, so one covers the other. */
export const ENTRIES: readonly Revocation[] = [
  { ...forEver, kind: 'user', subject: 'ada', belowVersion: 3 },
  { ...forEver, kind: 'user', subject: 'ada', belowVersion: 2 },
  { ...forEver, kind: 'session', subject: 'logged-out' },
  { ...forEver, kind: 'key', subject: 'leaked', expiresAt: null },
]

/** For each entry a token that is refused by this entry, or by one that covers it, and by no other. */
export const TOKENS: readonly TokenFacts[] = [
  token({ tokenVersion: 2 }),
  token({ tokenVersion: 1 }),
  token({ sessionId: 'logged-out' }),
  token({ kid: 'leaked' }),
]

function token(facts: Partial<TokenFacts>): TokenFacts {
  return {
    kid: 'k',
    jti: 'j',
    sessionId: 's',
    userId: 'ada',
    tokenVersion: 3,
    rolesVersion: 1,
    issuedAt: 1,
    authTime: 1,
    ...facts,
  }
}

/** The entries of a set, which is a number with a bit for each. */
export function entriesOf(set: number): Revocation[] {
  return ENTRIES.filter((_, place) => set & (1 << place))
}

const lists = new Map<number, RevocationList>()
const refusals = new Map<number, number>()

/** The real list with these entries. Their order, and how often each was added, makes no difference to it. */
export function listOf(set: number): RevocationList {
  let list = lists.get(set)
  if (!list) {
    list = new RevocationList()
    for (const entry of entriesOf(set)) list.add(entry)
    lists.set(set, list)
  }
  return list
}

/** The set of the entries whose tokens the real list refuses, if it has a set of entries. */
export function refusedBy(set: number): number {
  let refused = refusals.get(set)
  if (refused === undefined) {
    refused = 0
    for (const [place, facts] of TOKENS.entries()) if (listOf(set).refuses(facts)) refused |= 1 << place
    refusals.set(set, refused)
  }
  return refused
}

const losses = new Map<number, number>()

/** The entries that a list has and a journal lacks, as the real comparison finds them; all three are sets. */
export function lostBy(known: number, there: number): number {
  const key = known * 256 + there
  let lost = losses.get(key)
  if (lost === undefined) {
    lost = setOf(findLostRevocations(listOf(known), entriesOf(there)))
    losses.set(key, lost)
  }
  return lost
}

function setOf(entries: readonly Revocation[]): number {
  let set = 0
  for (const entry of entries) {
    // The list does not keep reasons.
    const place = ENTRIES.findIndex(known => isDeepStrictEqual({ ...known, reason: entry.reason }, entry))
    if (place < 0) throw new Error(`no entry of the model: ${JSON.stringify(entry)}`)
    set |= 1 << place
  }
  return set
}
