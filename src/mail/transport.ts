import type { Mailbox, SmtpServer } from '../config/mail-kinds.js'
import type { Log } from '../lib/log.js'
import type { Mail } from './write-mail.js'

/** Takes mails. */
export interface MailTransport {
  /**
   * Sends a mail once, in limited time.
   *
   * @param id the same at every attempt
   * @throws RefusedRecipient if the address does not exist; DelayedRecipient or Error if it can be tried again
   */
  send(mail: Mail & { id: string; to: string }): Promise<void>
}

/** The mail server says that it will never deliver to this address. */
export class RefusedRecipient extends Error {}

/** The mail server does not deliver to this address now, and says nothing about others. */
export class DelayedRecipient extends Error {}

const TIMEOUT_MS = 10_000

/** Sends mails through a mail server. */
export async function smtpTransport(server: SmtpServer, from: Mailbox): Promise<MailTransport> {
  const transporter = await openTransporter(server)
  const domain = from.address.split('@')[1]

  return {
    async send({ id, to, subject, text, html }) {
      const sending = transporter.sendMail({
        // Copies, because nodemailer changes them.
        from: { ...from },
        to: { name: '', address: to },
        envelope: { from: from.address, to: [to] },
        ...{ subject, text, ...(html !== undefined && { html }) },
        // A letter that was sent twice has the same id.
        messageId: `<${id}@${domain}>`,
        // RFC 3834: no machine answers it.
        headers: { 'Auto-Submitted': 'auto-generated' },
      })
      try {
        await inTime(sending)
      } catch (error) {
        const status = statusOfRecipient(error)
        // With 421 the mail server ends the connection, whatever the address is.
        if (status === undefined || status === 421) throw error
        throw new (status >= 500 ? RefusedRecipient : DelayedRecipient)((error as Error).message)
      }
    },
  }
}

/**
 * Connects to a mail server, with TLS and its password as for a mail, and sends nothing.
 *
 * @throws Error if this fails
 */
export async function checkMailServer(server: SmtpServer): Promise<void> {
  const transporter = await openTransporter(server)
  await inTime(transporter.verify()).finally(() => transporter.close())
}

async function openTransporter({ host, port, isTls, requiresTls, user, password }: SmtpServer) {
  // Loaded only if it is configured.
  const { createTransport } = await import('nodemailer')
  return createTransport({
    ...{ host, port, secure: isTls, requireTLS: requiresTls },
    ...(user !== undefined && { auth: { user, pass: password } }),
    ...{
      connectionTimeout: TIMEOUT_MS,
      greetingTimeout: TIMEOUT_MS,
      dnsTimeout: TIMEOUT_MS,
      socketTimeout: TIMEOUT_MS,
    },
    // A letter contains only its own text: no file and no address is read.
    ...{ disableFileAccess: true, disableUrlAccess: true },
  })
}

/** Shows mails at the terminal, for somebody who tries the service without a mail server. */
export function terminalTransport(log: Log): MailTransport {
  return {
    async send({ to, subject, text }) {
      log.info(`A letter to ${to}, shown here because there is no mail server (SMTP_URL)\n\n${subject}\n\n${text}`)
    },
  }
}

async function inTime(sending: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${TIMEOUT_MS / 1000} seconds`)), TIMEOUT_MS)
  })
  // What fails after that is no longer awaited.
  sending.catch(() => {})
  await Promise.race([sending, late]).finally(() => clearTimeout(timer))
}

/** What the mail server answered to the address; undefined if something else failed. */
function statusOfRecipient(error: unknown): number | undefined {
  const { code, command, responseCode } = error as { code?: string; command?: string; responseCode?: number }
  return code === 'EENVELOPE' && command === 'RCPT TO' ? responseCode : undefined
}
