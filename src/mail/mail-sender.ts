import type { Attempt, Sender } from '../domain/deliveries/sender.js'
import { OBSOLETE, type ReadLetter } from '../domain/letters/letters.js'
import { messageOf } from '../lib/error-facts.js'
import type { Templates } from './templates.js'
import { DelayedRecipient, type MailTransport, RefusedRecipient } from './transport.js'
import { writeMail } from './write-mail.js'

export interface MailSenderOptions {
  transport: MailTransport
  readLetter: ReadLetter
  templates: Templates
  /** The name of the application. */
  appName: string
  /** Whether a letter of this type need not be sent, because it goes elsewhere. */
  isSentElsewhere?: (type: string) => Promise<boolean>
}

/** Sends letters as mails. */
export function createMailSender(options: MailSenderOptions): Sender {
  const { transport, readLetter, templates, appName, isSentElsewhere } = options
  return {
    async send(_receiver, { event }, signal): Promise<Attempt> {
      // Only other kinds of receivers get messages.
      if (event === null) return { outcome: 'delivered' }
      try {
        if (await isSentElsewhere?.(event.type)) return { outcome: 'delivered' }
        const letter = await readLetter(event)
        if (!letter) return OBSOLETE
        await transport.send({ ...writeMail(letter, appName, templates), id: letter.id, to: letter.to })
        return { outcome: 'delivered' }
      } catch (error) {
        if (error instanceof RefusedRecipient) return { outcome: 'refused', reason: error.message }
        if (signal.aborted) return { outcome: 'interrupted' }
        return { outcome: 'failed', reason: messageOf(error), isOnlyThisOne: error instanceof DelayedRecipient }
      }
    },
  }
}
