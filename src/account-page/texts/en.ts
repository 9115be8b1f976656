/** Every text of the account page. The other languages have the same keys (their type is {@link Texts}). */
export const en = {
  language: 'en',
  loading: 'Loading…',
  show: 'Show the password',
  hide: 'Hide the password',
  cancel: 'Cancel',
  save: 'Save',
  tryAgain: 'Try again',

  signIn: 'Sign in',
  signInName: 'E-mail or username',
  email: 'E-mail',
  password: 'Password',
  remember: 'Keep me signed in',
  rememberHint: 'Not on a shared computer.',
  createAccount: 'Create an account',
  noAccount: 'No account yet?',
  haveAccount: 'You have an account already?',
  signedOut: 'You are signed out.',

  currentPassword: 'Current password',
  newPassword: 'New password',
  passwordHint: (min: number) => `At least ${min} characters. A sentence of a few words is good.`,
  setPassword: 'Save the new password',
  resetTitle: 'Choose a new password',
  resetText: 'All your devices are signed out when you save it, and you are signed in here.',
  temporaryTitle: 'Choose your own password',
  temporaryText: 'Your password is temporary. Choose your own one to sign in.',
  changePassword: 'Change password',
  changePasswordText: 'This signs out all your other devices.',
  passwordChanged: 'Your password is changed. All other devices are signed out.',

  yourAccount: 'Your account',
  roles: 'Roles',
  signOut: 'Sign out',
  signOutEverywhere: 'Sign out everywhere',
  signOutEverywhereText: 'This ends every session of your account, also the one on this device.',

  sessions: 'Where you are signed in',
  thisDevice: 'This device',
  device: (browser: string, os: string) => `${browser} on ${os}`,
  unknownDevice: 'Unknown device',
  lastActive: (when: string) => `Last active ${when}`,
  activeNow: 'Active now',
  rename: 'Rename',
  renameDevice: (device: string) => `Rename ${device}`,
  deviceName: 'Name of this device',
  renamed: 'The name is saved.',
  end: 'Sign out',
  endDevice: (device: string) => `Sign out ${device}`,
  ended: (device: string) => `${device} is signed out.`,
  endOthers: 'Sign out all other devices',
  endOthersText: 'Every session ends except the one on this device.',
  othersEnded: 'All other devices are signed out.',
  onlyThis: 'You are signed in on this device only.',

  justNow: 'just now',
  activity: 'Recent activity',
  noActivity: 'Nothing has happened yet.',
  loadMore: 'Show more',
  moreLoaded: (count: number) => `${count} more are shown.`,
  byAdministrator: 'by an administrator',
  notMe: 'This wasn’t me',
  notMeAbout: (event: string) => `This wasn’t me: ${event}`,
  notMeTitle: 'Was this not you?',
  notMeText:
    'Then somebody else may know your password. First sign out all other devices: this takes effect at once. ' +
    'Then choose a new password.',
  notMeAction: 'Sign out all other devices',
  notMeDone: 'All other devices are signed out. Now choose a new password, which nobody else knows.',

  required: 'Fill in this field.',
  wrongPassword: 'This is not your current password.',
  wait: (seconds: number) =>
    seconds === 1
      ? 'There were too many attempts. Try again in 1 second.'
      : `There were too many attempts. Try again in ${seconds} seconds.`,
  offline: 'There is no connection. Check your network, then try again. What you typed is kept.',
  unavailable: 'The service does not work at the moment. Try again in a minute. What you typed is kept.',
  unexpected: 'Something went wrong. Try again.',

  /** By the code of the service. A code without a text is shown with the title that the service sends. */
  errors: {
    invalid_credentials: 'The name or the password is wrong.',
    email_taken: 'An account with this e-mail exists already. Sign in instead.',
    invalid_email: 'This is not an e-mail address.',
    password_blank: 'The password has no visible character.',
    password_too_short: 'The password is too short: at least {min} characters.',
    password_too_long: 'The password is too long: at most 256 characters.',
    password_is_email: 'The password must not be your e-mail address.',
    password_too_common: 'This password is among the first that an attacker tries. Choose another one.',
    password_unchanged: 'This is the password that you have already.',
    reset_token_invalid: 'This link is not valid any more. Ask for a new one.',
    registration_closed: 'Accounts are created by the administrators.',
    too_many_sessions: 'You are signed in on too many devices. Sign out on one of them first.',
    session_not_found: 'This session has ended already.',
    cross_site_request: 'The service does not accept requests of this page. Open it at its usual address.',
  },

  /** By the type of the event. */
  events: {
    registered: 'You created the account',
    user_created: 'The account was created',
    signed_in: 'Signed in',
    sign_in_failed: 'A sign-in was refused',
    signed_out: 'Signed out',
    session_revoked: 'A device was signed out',
    session_expired: 'A session ended',
    refresh_replayed: 'A device repeated a request after a lost answer',
    refresh_recovered: 'A device went on after an outage of the service',
    refresh_superseded: 'An old key of a session was refused',
    refresh_token_reused: 'A session ended, because somebody may have copied its key',
    refresh_token_unknown: 'A key that belongs to no session was refused',
    password_changed: 'The password was changed',
    password_reset_issued: 'A link for a new password was sent',
    password_reset: 'A new password was set with a link',
    roles_changed: 'The roles were changed',
    email_changed: 'The e-mail address was changed',
    username_changed: 'The username was changed',
    everyone_signed_out: 'Everybody was signed out',
    user_disabled: 'The account was disabled',
    user_enabled: 'The account was enabled again',
    account_locked: 'Too many wrong passwords: new devices cannot sign in for some time',
    user_deleted: 'The account was deleted',
    temporary_password_set: 'A temporary password was set',
    sessions_revoked: 'All devices were signed out',
    token_revoked: 'An access of a service was revoked',
  },
  eventDetails: {
    new_device: 'on a new device',
    idle: 'it was not used for a long time',
    max_age: 'it reached its longest time',
    too_many_sessions: 'there were too many sessions',
    others: 'on all other devices',
    all: 'on all devices',
  },
}

type Wide<T> = T extends string
  ? string
  : T extends (...args: infer Args) => string
    ? (...args: Args) => string
    : { [K in keyof T]: Wide<T[K]> }

export type Texts = Wide<typeof en>
