import { LETTER_TYPES } from '../domain/letters/letters.js'
import type { Database } from '../postgres/database.js'

/** There is one mail server, and every instance has the same settings. */
export const MAIL_RECEIVER_ID = '00000000-0000-7000-8000-00006d61696c'

const PART = 1000

/**
 * Queues letters for the mail server from now on, or, if there is none, no longer. Letters that wait for a mail server that
 * was removed are deleted.
 */
export async function setUpMailReceiver(
  { eventReceivers, deliveries }: Pick<Database, 'eventReceivers' | 'deliveries'>,
  isWanted: boolean,
): Promise<void> {
  const id = MAIL_RECEIVER_ID
  if (isWanted) {
    const receiver = { id, kind: 'mail', settings: {}, secrets: Buffer.alloc(0), types: LETTER_TYPES } as const
    await eventReceivers.ensure(receiver)
  } else if (await eventReceivers.remove(id)) {
    while ((await deliveries.removeOf(id, PART)) >= PART);
  }
}
