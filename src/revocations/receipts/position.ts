/** What a verifier has applied: everything that a snapshot of a server sees. */
export interface JournalSnapshot {
  /** See JournalPosition. */
  serverStart: string
  /** As Postgres writes a `pg_snapshot`: `xmin:xmax:xip_list`. */
  snapshot: string
}

/** Positions list the transactions that were open. */
export const MAX_POSITION_LENGTH = 65_536

const POSITION = /^(\d{1,12}(?:\.\d{1,9})?)\/((\d{1,19}):(\d{1,19}):((?:\d{1,19},)*(?:\d{1,19})?))$/

/** Reads a position as heartbeats of the feed contain it. Undefined if it has another form, or Postgres would refuse it. */
export function readPosition(text: string): JournalSnapshot | undefined {
  const [, serverStart, snapshot, xmin, xmax, open] = POSITION.exec(text) ?? []
  if (serverStart === undefined || snapshot === undefined) return undefined
  const ids = [xmin!, ...(open === '' ? [] : open!.split(',')), xmax!].map(BigInt)
  if (ids[0]! === 0n || ids.at(-1)! > LARGEST_XID) return undefined
  // The oldest one is often the first that is open; the others ascend.
  const ascend = ids.every((id, place) => place === 0 || id > ids[place - 1]! || (place === 1 && id === ids[0]))
  return ascend ? { serverStart, snapshot } : undefined
}

const LARGEST_XID = 2n ** 63n - 1n
