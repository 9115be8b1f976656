import type { Config } from '../config/config.js'
import type { Sender } from '../domain/deliveries/sender.js'
import type { ReadLetter } from '../domain/letters/letters.js'
import type { Log } from '../lib/log.js'
import type { Database } from '../postgres/database.js'
import { MAIL_RECEIVER_ID, setUpMailReceiver } from './mail-receiver.js'
import { createMailSender } from './mail-sender.js'
import { noTemplates, readTemplates } from './templates.js'
import { smtpTransport, terminalTransport } from './transport.js'

type Stores = Pick<Database, 'eventReceivers' | 'deliveries'>

/**
 * Opens the way of letters by mail: through SMTP_URL, or in embedded mode to the terminal, so that everything can be tried.
 *
 * @throws Error with a message for the operator, if a template cannot be used
 */
export async function openMailSender(
  { smtp, mailFrom, mailTemplates, mode, accountPage, registration }: Config,
  { db, log, readLetter }: { db: Stores; log: Log; readLetter: ReadLetter },
): Promise<Sender> {
  const hasServer = smtp !== undefined && mailFrom !== undefined
  await setUpMailReceiver(db, hasServer || mode === 'embedded')
  if (registration === 'verified' && !(await db.eventReceivers.isNamed('letter_registration')))
    log.warn(
      'REGISTRATION is verified, but its letters go nowhere, so nobody can register: set SMTP_URL and MAIL_FROM, or create ' +
        'a webhook that names letter_registration (docs/letters.md).',
    )
  const templates = mailTemplates === undefined ? noTemplates : await readTemplates(mailTemplates)
  const shared = { readLetter, templates, appName: accountPage.name }
  if (hasServer) return createMailSender({ ...shared, transport: await smtpTransport(smtp, mailFrom) })
  return createMailSender({
    ...shared,
    transport: terminalTransport(log),
    // A secret is not shown where a webhook sends the letter.
    isSentElsewhere: async type =>
      (await db.eventReceivers.all('webhook')).some(
        ({ disabledAt, types }) => !disabledAt && types?.some(named => named === type),
      ),
  })
}

/** Every attempt failed for days. The next start tries the mail server again. */
export async function disableMail({ db, log }: { db: Stores; log: Log }, reason: string): Promise<void> {
  if (await db.eventReceivers.disable(MAIL_RECEIVER_ID, reason))
    log.error(`No letter is sent by mail until Latchkey starts again: ${reason}`)
}
