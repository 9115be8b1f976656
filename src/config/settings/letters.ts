import { folder, mailSender, pageAddress, smtpUrl } from '../mail-kinds.js'
import type { SettingTree } from '../setting.js'
import { durationSeconds } from '../value-kinds.js'

export const letterSettings = {
  smtp: {
    variable: 'SMTP_URL',
    kind: smtpUrl,
    secret: true,
    defaultText: 'none: letters go to webhooks only; in embedded mode also to the terminal',
    description:
      'The mail server through which [letters](letters.md) go, such as `smtps://user:password@mail.example.com`. With ' +
      '`smtp://`, TLS is used if the server has it (STARTTLS), and required if there is a password and the server is not ' +
      'on this machine. Write special characters of the password as `%XX`.',
  },
  mailFrom: {
    variable: 'MAIL_FROM',
    kind: mailSender,
    defaultText: 'none: required with `SMTP_URL`',
    description: 'The sender of letters, such as `Example <no-reply@example.com>`.',
  },
  mailTemplates: {
    variable: 'MAIL_TEMPLATES',
    kind: folder,
    defaultText: 'none: the texts of Latchkey',
    description: 'A folder with your own texts for letters ([letters](letters.md#your-own-texts)).',
  },
  accountUrl: {
    variable: 'ACCOUNT_URL',
    kind: pageAddress,
    defaultText: 'the account page: `PUBLIC_ORIGIN`, `PUBLIC_PATH` and `/account`',
    description: 'The page to which links in letters lead, with the token behind a `#`.',
  },
  emailConfirmationTtlSeconds: {
    variable: 'EMAIL_CONFIRMATION_EXPIRES_IN',
    kind: durationSeconds('5m', '7d'),
    default: '1d',
    description: 'How long a link works that confirms an e-mail address.',
  },
  notMeTtlSeconds: {
    variable: 'NOT_ME_EXPIRES_IN',
    kind: durationSeconds('1h', '30d'),
    default: '7d',
    description:
      'How long a link works with which a user says that they did not do what the letter is about: a sign-in, a change ' +
      'of the password or of the e-mail address.',
  },
} as const satisfies SettingTree
