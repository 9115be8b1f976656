// Every text of the account page. In the bundle of another language, its texts, which have the same names, are in their place.

export const language = 'en'
export const loading = 'Loading…'
export const show = 'Show'
export const hide = 'Hide'
export const cancel = 'Cancel'
export const save = 'Save'
export const tryAgain = 'Try again'
export const goOn = 'Continue'

export const signIn = 'Sign in'
export const signInName = 'E-mail or username'
export const email = 'E-mail'
export const password = 'Password'
export const remember = 'Keep me signed in'
export const rememberHint = 'Not on a shared computer.'
export const createAccount = 'Create an account'
export const noAccount = 'No account yet?'
export const haveAccount = 'Already have an account?'
export const signedOut = 'You are signed out.'

export const currentPassword = 'Current password'
export const newPassword = 'New password'
export const passwordHint = (min: number) => `At least ${min} characters. A short sentence works well.`
export const setPassword = 'Save password'
export const resetTitle = 'Choose a new password'
export const resetText = 'When you save it, all your devices are signed out, and you are signed in here.'
export const temporaryTitle = 'Choose your own password'
export const temporaryText = 'Your password is temporary. To sign in, choose one of your own.'
export const changePassword = 'Change password'
export const changePasswordText = 'This signs out all your other devices.'
export const passwordChanged = 'Your password was changed.'

export const forgotPassword = 'Forgot your password?'
export const forgotText = 'We send a link to your e-mail address, with which you choose a new password.'
export const send = 'Send'
export const letterTitle = 'Read your mail'
export const letterSent = 'If this address can be used, a letter is on its way. Use the link in it.'
export const confirm = 'Confirm'
export const verifyTitle = 'Confirm your e‑mail address'
export const verifyText = 'This confirms that the letter reached you. If you did not ask for it, cancel.'
export const verified = 'Your e-mail address is confirmed.'
export const emailTitle = 'Use this e‑mail address'
export const emailText = 'Your account gets the address that the letter was sent to.'
export const emailChanged = 'Your e-mail address was changed.'
export const changeEmail = 'Change e‑mail address'
export const changeEmailText = (email: string) =>
  `Current address: ${email}. It changes when you use the link in the letter to the new one.`
export const newEmail = 'New e-mail address'
export const notConfirmed = 'This address is not confirmed.'
export const sendLetter = 'Send a letter'
export const undoText = 'Your account gets the address again that this letter was sent to.'
export const secureText =
  'This signs out all devices and makes the password useless. You then get a letter to choose a new one.'
export const allSignedOut = 'All devices are signed out.'
export const passwordLetter = 'A letter for a new password is on its way.'

export const yourAccount = 'Your account'
export const roles = 'Roles'
export const signOut = 'Sign out'
export const signOutEverywhere = 'Sign out everywhere'
export const signOutEverywhereText = 'This ends every session of your account, including the one on this device.'

export const sessions = 'Where you are signed in'
export const thisDevice = 'This device'
export const device = (browser: string, os: string) => `${browser} on ${os}`
export const unknownDevice = 'Unknown device'
export const lastActive = (when: string) => `Last active ${when}`
export const activeNow = 'Active now'
export const rename = 'Rename'
export const renameDevice = (device: string) => `Rename ${device}`
export const deviceName = 'Name of the device'
export const renamed = 'The name was saved.'
export const end = 'Sign out'
export const endDevice = (device: string) => `Sign out ${device}`
export const ended = (device: string) => `${device} is signed out.`
export const endOthers = 'Sign out all other devices'
export const endOthersText = 'Every session ends except the one on this device.'
export const othersEnded = 'All other devices are signed out.'
export const onlyThis = 'You are signed in only on this device.'

export const oldLists = 'The lists below may be out of date.'
export const justNow = 'just now'
export const activity = 'Recent activity'
export const noActivity = 'No activity yet.'
export const loadMore = 'Show more'
export const moreLoaded = (count: number) => `Events added: ${count}`
export const byAdministrator = 'by an administrator'
export const deviceEnded = (device: string) => `${device} was signed out`
export const withDetail = (sentence: string, detail: string) => `${sentence}: ${detail}`
export const fromDevice = (device: string) => `from ${device}`
export const notMe = 'This wasn’t me'
export const notMeTitle = 'If this wasn’t you'
export const notMeText =
  'Somebody else may know your password. First sign out all other devices: this takes effect at once. ' +
  'Then choose a new password.'
export const notMeDone = 'Now choose a new password that nobody else knows.'
export const notMeStopped = 'Your password has not changed: “Change password” above does that.'

export const yourData = 'Your data'
export const download = 'Download your data'
export const deleteAccount = 'Delete the account'
export const deleteText = (duration: string) =>
  `All your devices are signed out, and the account is deleted in ${duration}. A sign-in before that keeps it.`
export const deleteNowText =
  'All your devices are signed out, and the account is deleted at once. Nobody can bring it back.'
export const deletionPlanned = (date: string) => `Your account is deleted on ${date}. To keep it, sign in before that.`
export const deleted = 'Your account was deleted.'
export const deletionCancelled = 'You signed in, so your account is not deleted.'

export const required = 'Fill in this field.'
export const wrongPassword = 'This is not your current password.'
export const wait = (duration: string) => `Too many attempts. Try again in ${duration}.`
export const offline = 'There is no connection. Check your network, then try again.'
export const unavailable = 'The service is not available at the moment. Try again in a minute.'
/** After one of the two above, below a form. */
export const kept = 'What you typed is kept.'
export const unexpected = 'Something went wrong. Try again.'

const oldLink = 'This link is no longer valid. Ask for a new one.'

/** By the code of the service. A code without a text is shown with the title that the service sends. */
export const errors = {
  invalid_credentials: 'The name or the password is wrong.',
  email_taken: 'There is already an account with this e-mail. Sign in instead.',
  invalid_email: 'This is not an e-mail address.',
  password_blank: 'The password must have visible characters, not only spaces.',
  password_too_short: 'The password is too short: at least {min} characters.',
  password_too_long: 'The password is too long: at most 256 characters.',
  password_is_email: 'The password must not be your e-mail address.',
  password_too_common: 'This password is among the first that an attacker tries. Choose another one.',
  password_unchanged: 'This is already your password.',
  reset_token_invalid: oldLink,
  letter_token_invalid: oldLink,
  letters_not_sent: 'No letter can be sent. Ask an administrator for help.',
  registration_closed: 'Only administrators can create accounts.',
  registration_refused: 'You cannot create an account here.',
  too_many_sessions: 'You are signed in on too many devices. Sign out on one of them first.',
  session_not_found: 'This session has already ended.',
  cross_site_request: 'The service does not accept requests from this page. Open it at its usual address.',
}

/** By the type of the event. */
export const events = {
  registered: 'You created the account',
  user_created: 'The account was created',
  signed_in: 'Signed in',
  sign_in_failed: 'A sign-in was refused',
  signed_out: 'Signed out',
  session_revoked: 'A device was signed out',
  session_expired: 'A session ended',
  refresh_replayed: 'A device repeated a request whose answer was lost',
  refresh_recovered: 'A device stayed signed in after an outage of the service',
  refresh_superseded: 'An old key of a session was refused',
  refresh_token_reused: 'A session ended because somebody may have copied its key',
  refresh_token_unknown: 'A key that belongs to no session was refused',
  password_changed: 'The password was changed',
  password_reset_issued: 'A link for a new password was sent',
  password_reset: 'A new password was set with a link',
  roles_changed: 'The roles were changed',
  claims_changed: 'The information for services was changed',
  email_changed: 'The e-mail address was changed',
  username_changed: 'The username was changed',
  everyone_signed_out: 'Everyone was signed out',
  user_disabled: 'The account was disabled',
  user_enabled: 'The account was enabled again',
  account_locked: 'Too many wrong passwords: new devices cannot sign in for a while',
  temporary_password_set: 'A temporary password was set',
  sessions_revoked: 'All devices were signed out',
  token_revoked: 'The access of a service was revoked',
  account_secured: 'The account was secured after the answer “This wasn’t me”',
  account_deletion_requested: 'You asked for the deletion of the account',
  account_deletion_cancelled: 'The account is kept: its deletion was cancelled',
  account_exported: 'The data of the account were downloaded',
  letter: 'A letter was sent because of this account',
  email_verified: 'The e-mail address was confirmed',
}
export const eventDetails = {
  new_device: 'on a new device',
  idle: 'it was not used for a long time',
  max_age: 'it reached its maximum length',
  too_many_sessions: 'there were too many sessions',
  others: 'on all other devices',
  all: 'on all devices',
}
