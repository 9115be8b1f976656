import { check, type Folder, keep, newAddress, type Step } from './step.js'

const FIRST_PASSWORD = 'seven green boats at noon'
const ADDRESS = 'The script before the request makes a new e-mail address each time.'
const signIn = { email: '{{email}}', password: '{{password}}', transport: 'body' }

/** The device of the second session, so that the list shows two different ones. */
const PHONE = {
  'User-Agent': 'Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0',
}

const signInElsewhere = (name: string) => ({
  name,
  operation: 'logIn',
  headers: PHONE,
  body: signIn,
  after: [keep('other_session_id', 'body.session_id')],
  note: 'The tokens of this second session are not kept.',
})

/** What a signed-in user does. */
export const userFolders: readonly Folder[] = [
  {
    name: 'Start here',
    description:
      'Send "Register", then "My profile". From then on the tokens are in the environment, and are refreshed by themselves.',
    steps: [
      {
        name: 'Register',
        operation: 'register',
        before: [newAddress('email'), keep('password', `'${FIRST_PASSWORD}'`)],
        body: signIn,
        savesTokens: true,
        note: ADDRESS,
      },
      { name: 'Log in', operation: 'logIn', body: signIn, savesTokens: true },
      {
        name: 'My profile',
        operation: 'getProfile',
        after: [
          check(
            'it is the account that signed in',
            `pm.expect(body.email).to.equal(pm.collectionVariables.get('email'))`,
          ),
        ],
      },
      {
        name: 'Refresh now',
        operation: 'refreshTokens',
        body: { refresh_token: '{{refresh_token}}' },
        savesTokens: true,
        note: 'You do not need this request: the script of the collection refreshes when it is time.',
      },
      {
        name: 'Refresh without rotating',
        operation: 'refreshTokens',
        body: { refresh_token: '{{refresh_token}}', rotate: false },
        after: [
          check('there is no new refresh token', `pm.expect(body).to.not.have.property('refresh_token')`),
          `pm.environment.set('access_token', body.access_token)`,
        ],
      },
    ],
  },
  {
    name: 'Sessions',
    description: 'The sessions of the user: one for each sign-in.',
    steps: [
      signInElsewhere('Log in on a phone'),
      {
        name: 'My sessions',
        operation: 'listSessions',
        after: [
          check('one of them is this one', 'pm.expect(body.filter(session => session.current)).to.have.lengthOf(1)'),
        ],
      },
      {
        name: 'Name a session',
        operation: 'labelSession',
        parameters: { id: '{{session_id}}' },
        body: { label: 'Postman' },
      },
      {
        name: 'Revoke a session',
        operation: 'revokeSession',
        parameters: { id: '{{other_session_id}}' },
      },
      signInElsewhere('Log in on a phone again'),
      {
        name: 'Revoke the other sessions',
        operation: 'revokeOtherSessions',
        headers: { Prefer: 'wait=2' },
        note: '`Prefer` asks the service to wait until every service that follows the revocations has applied this one.',
      },
      {
        name: 'My only session',
        operation: 'listSessions',
        after: [check('there is only one', 'pm.expect(body).to.have.lengthOf(1)')],
      },
    ],
  },
  {
    name: 'Events',
    description: 'What happened to the account: it answers the question why somebody was signed out.',
    steps: [
      {
        name: 'My events',
        operation: 'listEvents',
        after: [check('the sign-ins are among them', `pm.expect(body.events).to.be.an('array').that.is.not.empty`)],
      },
    ],
  },
  {
    name: 'My data',
    description: 'Everything that is kept about the user, as one document.',
    steps: [
      {
        name: 'Export my account',
        operation: 'exportAccount',
        after: [check('the export itself is an event', `pm.expect(body.events[0].type).to.equal('account_exported')`)],
      },
    ],
  },
]

/** One of the requests is sent by a client, so this folder comes after that of the clients. */
export const passwords: Folder = {
  name: 'Passwords',
  description: 'Changing the password ends every session of the account and opens a new one.',
  steps: [
    {
      name: 'Change the password',
      operation: 'changePassword',
      authorization: 'user',
      body: { current_password: '{{password}}', new_password: 'eight green boats at noon', transport: 'body' },
      after: [keep('password', `'eight green boats at noon'`)],
      savesTokens: true,
    },
    {
      name: 'Issue a password reset',
      operation: 'issuePasswordReset',
      authorization: 'client',
      parameters: { id: '{{user_id}}' },
      after: [keep('reset_token', 'body.token')],
      note: 'Your own mailer sends the token to the user.',
    },
    {
      name: 'Reset the password',
      operation: 'resetPassword',
      body: { token: '{{reset_token}}', new_password: FIRST_PASSWORD, transport: 'body' },
      after: [keep('password', `'${FIRST_PASSWORD}'`)],
      savesTokens: true,
    },
  ],
}

/** Their tokens are only in the letters: so the requests that need one show how a wrong one is refused. */
export const letters: Folder = {
  name: 'Letters',
  description:
    'Letters to the owner of the account. The requests with a token send one that is not valid. Without SMTP_URL, a webhook for ' +
    'letters or embedded mode, two of them are answered with 403 `letters_not_sent`.',
  steps: [
    { name: 'Forgot the password', operation: 'forgotPassword', body: { email: '{{email}}' } },
    { name: 'Ask for a letter to confirm the address', operation: 'resendVerification', authorization: 'user' },
    refused('Confirm the address', 'verifyEmail', 'lk_ve_'),
    {
      name: 'Change the address',
      operation: 'changeEmail',
      authorization: 'user',
      body: { new_email: '{{email}}', password: '{{password}}' },
      note: 'This is the address that the account has already, so no letter is sent.',
    },
    refused('Confirm the new address', 'confirmEmail', 'lk_ce_'),
    refused('This was not me', 'reportNotMe', 'lk_nm_'),
  ],
}

function refused(name: string, operation: string, prefix: string): Step {
  return { name, operation, body: { token: `${prefix}from-the-letter` }, status: 401 }
}

/** Ends what the first folders began. */
export const lastFolder: Folder = {
  name: 'Sign out',
  description: 'Ends the session, and removes the accounts that a run of the collection made.',
  steps: [
    {
      name: 'Ask for the deletion of my account',
      operation: 'deleteAccount',
      authorization: 'user',
      body: { current_password: '{{password}}' },
      note: 'It ends every session. The next request signs in again, which cancels the deletion.',
    },
    {
      name: 'Log in, and keep the account',
      operation: 'logIn',
      body: signIn,
      after: [check('the deletion is cancelled', 'pm.expect(body.deletion_cancelled).to.equal(true)')],
      savesTokens: true,
    },
    {
      name: 'Log out',
      operation: 'logOut',
      before: [keep('ended_token', `pm.environment.get('refresh_token')`)],
      body: { refresh_token: '{{refresh_token}}' },
      after: [`for (const name of ['access_token', 'refresh_token', 'token_expiry']) pm.environment.set(name, '')`],
    },
    {
      name: 'Refresh after signing out',
      operation: 'refreshTokens',
      status: 401,
      body: { refresh_token: '{{ended_token}}' },
    },
    {
      name: 'Delete my account',
      operation: 'deleteUser',
      parameters: { id: '{{user_id}}' },
    },
  ],
}
