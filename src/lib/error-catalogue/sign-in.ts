import type { CatalogueGroup } from './entry.js'

/** Signing in, registering, and passwords. */
export const signInErrors = {
  invalid_credentials: {
    status: 401,
    title: 'The sign-in name or the password is wrong.',
    when: 'The account does not exist, the password is wrong, or the account is disabled or locked. The answer is the same.',
    action: 'Let the user try again, and offer to reset the password.',
  },
  email_taken: {
    status: 409,
    title: 'An account with this e-mail already exists.',
    when: 'Someone registers or gets an e-mail address that another account has, in any spelling.',
    action: 'Offer to sign in or to reset the password; administrators choose another address.',
  },
  username_taken: {
    status: 409,
    title: 'An account with this username already exists.',
    when: 'An administrator gives an account the username of another account.',
    action: 'Choose another username.',
  },
  external_id_taken: {
    status: 409,
    title: 'An account with this external id already exists.',
    when: 'An administrator creates an account with the external id of another account.',
    action: 'The account probably exists already: search for it by its `external_id`.',
  },
  invalid_email: {
    status: 422,
    title: 'The e-mail address is not valid.',
    when: 'The text is not one address with a domain, or has more than 254 bytes.',
    action: 'Let the user correct the address.',
  },
  invalid_username: {
    status: 422,
    title: 'The username is not valid.',
    when: 'The username is empty, or it looks like an e-mail address that is not the e-mail of the same account.',
    action: 'Choose another username; `detail` gives the reason.',
  },
  invalid_role: {
    status: 422,
    title: 'The role is not valid.',
    when: 'A role has a character that a header cannot carry, looks like `admin`, or all roles together are too long.',
    action: 'Change the role; `detail` gives the reason.',
  },
  password_blank: {
    status: 422,
    title: 'The password has no visible character.',
    when: 'The new password contains only spaces or invisible characters.',
    action: 'Let the user choose another password.',
  },
  password_too_short: {
    status: 422,
    title: 'The password is too short.',
    when: 'The new password has fewer characters than `PASSWORD_MIN_LENGTH`. Spaces in a row count as one.',
    action: 'Let the user choose a longer password; the message names the minimum.',
  },
  password_too_long: {
    status: 422,
    title: 'The password is too long.',
    when: 'The new password has more than 256 characters.',
    action: 'Let the user choose a shorter password.',
  },
  password_is_email: {
    status: 422,
    title: 'The password must not be the e-mail address.',
    when: 'The new password is the e-mail address of the account, or the part before the @.',
    action: 'Let the user choose another password.',
  },
  password_too_common: {
    status: 422,
    title: 'The password is too common.',
    when: 'The new password is on the list of common passwords, repeats one character, or is the name of this service.',
    action: 'Let the user choose another password.',
  },
  password_unchanged: {
    status: 422,
    title: 'The new password must be different from the old one.',
    when: 'A change of the password sets the same password again.',
    action: 'Let the user choose another password.',
  },
  account_mismatch: {
    status: 400,
    title: 'The e-mail is not the e-mail of the signed-in account.',
    when: 'A signed-in user changes a password and sends the e-mail of another account.',
    action: 'Leave out `email`, or sign out first.',
  },
  reset_token_invalid: {
    status: 401,
    title: 'The reset token is invalid, already used, replaced or expired.',
    when: 'The one-time token of a password reset cannot be used (again).',
    action: 'Let the user request a new reset.',
  },
  letter_token_invalid: {
    status: 401,
    title: 'The link of the letter is invalid, already used, replaced or expired.',
    when: 'The one-time token of a letter, for anything but a new password, cannot be used (again).',
    action: 'Let the user ask for another letter.',
  },
  letters_not_sent: {
    status: 403,
    title: 'This service sends no letters.',
    when:
      'A signed-in user asks for a letter, or uses the link of a notice, and letters of this type go nowhere: there is no ' +
      '`SMTP_URL` and no webhook that names the type. With `POST /auth/not-me` the account is secured nevertheless.',
    action: 'Hide the form, and tell the operator. An administrator can set a temporary password.',
  },
  registration_closed: {
    status: 403,
    title: 'Registration is closed.',
    when: '`REGISTRATION=closed`: only administrators create accounts.',
    action: 'Hide the registration form.',
  },
  registration_refused: {
    status: 403,
    title: 'This registration is not accepted.',
    when: 'The server at `REGISTRATION_HOOK_URL` refused the registration.',
    action: 'Show `detail`, if there is one: the server wrote it for the person who registers.',
  },
  password_change_required: {
    status: 403,
    title: 'The password must be changed before signing in.',
    when: 'The password is correct, but it is temporary.',
    action: 'Ask for a new password and send both to `/auth/change-password`, which signs the user in.',
  },
  too_many_sessions: {
    status: 403,
    title: 'Session limit reached.',
    when: 'The user has `MAX_SESSIONS_PER_USER` live sessions, and `MAX_SESSIONS_POLICY` is `deny`.',
    action: 'Ask the user to sign out on another device.',
  },
} as const satisfies CatalogueGroup
