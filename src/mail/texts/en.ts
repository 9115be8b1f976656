import type { MailTexts } from './mail-texts.js'

const valid = 'The link works once, until {{expires}}.'
const where = 'Time: {{time}}. Device: {{device}}. IP address: {{ip}}.'
const ended = 'All devices are signed out, and you get another letter with which you choose a new password.'

export const en: MailTexts = {
  unknown: 'unknown',
  colon: ':',
  device: (browser, os) => `${browser} on ${os}`,
  letters: {
    letter_password_reset: {
      subject: 'Choose a new password',
      before: ['Somebody asked for a new password for your account at {{name}}.', where],
      action: 'Choose a new password',
      after: [valid, 'If it was not you, ignore this letter: nothing changes unless the link is used.'],
    },
    letter_registration: {
      subject: 'Confirm your e-mail address',
      before: ['Somebody wants to create an account at {{name}} with this e-mail address.', where],
      action: 'Create the account',
      after: [
        valid,
        'If it was not you, ignore this letter and do not use the link: the account would have the password of somebody else.',
      ],
    },
    letter_account_exists: {
      subject: 'You already have an account',
      before: [
        'Somebody wanted to use this e-mail address for another account at {{name}}. You already have one.',
        where,
      ],
      action: 'Sign in',
      after: ['If you do not know your password, ask for a new one there. If it was not you, ignore this letter.'],
    },
    letter_verify_email: {
      subject: 'Confirm your e-mail address',
      before: ['Please confirm that this is the e-mail address of your account at {{name}}.'],
      action: 'Confirm the address',
      after: [valid],
    },
    letter_confirm_email: {
      subject: 'Confirm your new e-mail address',
      before: ['Somebody wants to use this e-mail address for an account at {{name}}.', where],
      action: 'Use this address',
      after: [valid, 'If it was not you, ignore this letter and do not use the link.'],
    },
    letter_email_changed: {
      subject: 'Your e-mail address was changed',
      before: ['Your account at {{name}} now has another e-mail address.', where],
      action: 'This wasn’t me',
      after: [`If it was not you, use the link. The account gets this address again. ${ended}`, valid],
    },
    letter_new_device: {
      subject: 'A sign-in from a new device',
      before: ['Somebody signed in to your account at {{name}} from a device that was not used before.', where],
      action: 'This wasn’t me',
      after: [`If it was not you, use the link. ${ended}`, valid],
    },
    letter_password_changed: {
      subject: 'Your password was changed',
      before: ['The password of your account at {{name}} was changed.', where],
      action: 'This wasn’t me',
      after: [`If it was not you, use the link. ${ended}`, valid],
    },
    letter_deletion_requested: {
      subject: 'Your account will be deleted',
      before: [
        'Somebody asked for the deletion of your account at {{name}}. It will be deleted on {{deletion}}.',
        where,
        'To keep the account, sign in before that time.',
      ],
      action: 'This wasn’t me',
      after: [`If it was not you, use the link. The account is kept. ${ended}`, valid],
    },
  },
}
