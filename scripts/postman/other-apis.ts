import { check, type Folder, keep, newAddress } from './step.js'

const credentials = { username: '{{email}}', password: '{{password}}' }
const NOBODY = '00000000-0000-7000-8000-000000000000'
const phoneOf = 'body.find(session => !session.current).id'

/** The formats of other systems, and what needs no token. */
export const otherFolders: readonly Folder[] = [
  {
    name: 'Simple JWT',
    description: 'The API of djangorestframework-simplejwt.',
    steps: [
      {
        name: 'Obtain a pair',
        operation: 'simpleJwtLogIn',
        body: credentials,
        after: [keep('jwt_access', 'body.access'), keep('jwt_refresh', 'body.refresh')],
      },
      {
        name: 'Refresh the pair',
        operation: 'simpleJwtRefresh',
        body: { refresh: '{{jwt_refresh}}' },
        after: [keep('jwt_access', 'body.access'), keep('jwt_refresh', 'body.refresh')],
      },
      { name: 'Verify the access token', operation: 'simpleJwtVerify', body: { token: '{{jwt_access}}' } },
      { name: 'Blacklist the refresh token', operation: 'simpleJwtBlacklist', body: { refresh: '{{jwt_refresh}}' } },
    ],
  },
  {
    name: 'Sessions under older names',
    description: 'The same sessions, for front ends that were written for another system.',
    steps: [
      { name: 'Obtain a pair for another session', operation: 'simpleJwtLogIn', body: credentials },
      {
        name: 'My sessions, under older names',
        operation: 'listOlderSessions',
        after: [keep('other_session_id', phoneOf)],
      },
      {
        name: 'Revoke a session, under older names',
        operation: 'revokeOlderSession',
        parameters: { id: '{{other_session_id}}' },
      },
      { name: 'Revoke the other sessions, under older names', operation: 'revokeOtherOlderSessions' },
    ],
  },
  {
    name: 'Envelope',
    description: 'Answers as `{success, message, data}`. The service has these routes with `DIALECTS=…,envelope`.',
    needs: 'DIALECTS=…,envelope',
    steps: [
      {
        name: 'Register, in the envelope',
        operation: 'envelopeRegister',
        before: [newAddress('envelope_email')],
        body: { email: '{{envelope_email}}', password: 'seven green boats at noon' },
        status: 201,
      },
      {
        name: 'Log in, in the envelope',
        operation: 'envelopeLogIn',
        body: { email: '{{envelope_email}}', password: 'seven green boats at noon' },
        after: [
          keep('envelope_token', 'body.data.access_token'),
          keep('envelope_refresh_token', 'body.data.refresh_token'),
        ],
      },
      {
        name: 'My profile, in the envelope',
        operation: 'envelopeProfile',
        authorization: { token: '{{envelope_token}}' },
        after: [
          check(
            'it is the new account',
            `pm.expect(body.data.email).to.equal(pm.collectionVariables.get('envelope_email'))`,
          ),
          keep('envelope_user_id', 'body.data.id'),
        ],
      },
      {
        name: 'Refresh, in the envelope',
        operation: 'envelopeRefresh',
        body: { refresh_token: '{{envelope_refresh_token}}' },
        after: [
          keep('envelope_token', 'body.data.access_token'),
          keep('envelope_refresh_token', 'body.data.refresh_token'),
        ],
      },
      {
        name: 'Log out, in the envelope',
        operation: 'envelopeLogOut',
        authorization: { token: '{{envelope_token}}' },
        body: { refresh_token: '{{envelope_refresh_token}}' },
      },
      {
        name: 'Delete the account of the envelope',
        operation: 'deleteUser',
        // Without the envelope there is no such account, and the answer is 404.
        before: [`if (!pm.collectionVariables.get('envelope_user_id')) ${keep('envelope_user_id', `'${NOBODY}'`)}`],
        parameters: { id: '{{envelope_user_id}}' },
      },
    ],
  },
  {
    name: 'Health',
    description: 'For load balancers and Kubernetes, and the description of the API.',
    steps: [
      { name: 'Does the process answer?', operation: 'checkLiveness' },
      { name: 'Can it take requests?', operation: 'checkReadiness' },
      { name: 'The OpenAPI document', route: { method: 'GET', path: '/openapi.json' } },
    ],
  },
]
