import type { AuthContext } from '../context.js'

/** So that no transaction holds its locks for long. */
const PART = 1000

/** Deletes everything that waits for a receiver, and what was given up. */
export async function dropDeliveries(
  { db }: { db: Pick<AuthContext['db'], 'deliveries'> },
  receiverId: string,
): Promise<void> {
  while ((await db.deliveries.removeOf(receiverId, PART)) >= PART);
}
