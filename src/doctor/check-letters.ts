import type { Config } from '../config/config.js'
import { LETTER_TYPES } from '../domain/letters/letters.js'
import { messageOf } from '../lib/error-facts.js'
import { MAIL_RECEIVER_ID } from '../mail/mail-receiver.js'
import { checkMailServer } from '../mail/transport.js'
import { openDatabase } from '../postgres/database.js'
import type { EventReceiver } from '../postgres/event-receivers.js'
import type { Findings } from './finding.js'

/** Checks whether letters to the owners of accounts go somewhere. Sends none. */
export async function checkLetters(config: Config, findings: Findings): Promise<void> {
  const { ok, warning, problem } = findings.about('letters')
  const { smtp, mode, registration } = config
  if (smtp) {
    const name = `${smtp.isTls ? 'smtps' : 'smtp'}://${smtp.host}:${smtp.port}`
    try {
      await checkMailServer(smtp)
      ok('mail_server', `The mail server at ${name} accepts the connection${smtp.user ? ' and the password' : ''}.`)
    } catch (error) {
      problem('mail_server', `The mail server at ${name} cannot be used: ${messageOf(error)}. Correct SMTP_URL.`)
    }
  }
  if (mode === 'embedded') {
    if (!smtp) ok('receivers', 'Letters are shown at the terminal, because there is no mail server (SMTP_URL).')
    return
  }
  const receivers = await readReceivers(config)
  if (!receivers) return
  const disabled = receivers.find(({ id, disabledAt }) => id === MAIL_RECEIVER_ID && disabledAt)
  if (smtp && disabled)
    problem('mail_disabled', `No letter is sent by mail until the service starts again: ${disabled.disabledReason}.`)
  if (smtp) return
  const webhooks = receivers.filter(({ kind, disabledAt }) => kind === 'webhook' && !disabledAt)
  const isTaken = (type: string) => webhooks.some(({ types }) => types?.some(named => named === type))
  const taking = webhooks.filter(({ types }) => LETTER_TYPES.some(type => types?.includes(type)))
  if (taking.length > 0) ok('receivers', `Webhooks take letters: ${taking.map(({ id }) => id).join(', ')}.`)
  const lost = LETTER_TYPES.filter(type => !isTaken(type))
  if (lost.length === 0) return
  const isNeeded = registration === 'verified' && lost.includes('letter_registration')
  const report = isNeeded ? problem : warning
  report(
    'receivers',
    `${taking.length === 0 ? 'Nobody takes letters' : `Nobody takes ${lost.join(', ')}`}` +
      `${isNeeded ? ', and REGISTRATION is verified, so nobody can register' : ''}: set SMTP_URL and MAIL_FROM, or create a ` +
      'webhook that names the types (docs/letters.md).',
  )
}

/** Undefined if they cannot be read, which the check of Postgres reports. */
async function readReceivers({ database }: Config): Promise<EventReceiver[] | undefined> {
  const { url, prepare, caFile, timeoutMs } = database
  if (url === undefined) return undefined
  const db = openDatabase({ url, prepare, caFile, timeoutMs, size: 1 })
  try {
    return [...(await db.eventReceivers.all('webhook')), ...(await db.eventReceivers.all('mail'))]
  } catch {
    return undefined
  } finally {
    await db.close()
  }
}
