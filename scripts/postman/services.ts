import { check, type Folder, keep, newAddress, numberIn } from './step.js'

const CREATED = { id: '{{created_user_id}}' }
const WEBHOOK = { id: '{{webhook_id}}' }
const STREAM = { stream_id: '{{stream_id}}' }

/** What other services do. */
export const clientFolders: readonly Folder[] = [
  {
    name: 'Verification',
    description: 'What a gateway asks for each request, and what services need that verify tokens themselves.',
    steps: [
      {
        name: 'Verify a request',
        operation: 'verifyRequest',
        after: [check('the headers name the user', `pm.response.to.have.header('X-Auth-Subject')`)],
      },
      {
        name: 'Verify a role',
        operation: 'verifyRequest',
        query: { role: 'nobody-has-this-role' },
        status: 403,
      },
      { name: 'Verify an access token', operation: 'verifyAccessToken', body: { token: '{{access_token}}' } },
      {
        name: 'Verify with a path',
        route: { method: 'GET', path: '/auth/verify/orders/7' },
        authorization: 'user',
        note: 'For gateways that append the path and the query of the request. Any method, any path.',
      },
      {
        name: 'Verify a role with a path',
        route: { method: 'POST', path: '/auth/verify-role/nobody-has-this-role/orders/7' },
        authorization: 'user',
        status: 403,
      },
      { name: 'Public keys', operation: 'getPublicKeys' },
      { name: 'Server metadata', operation: 'getServerMetadata' },
      { name: 'Server metadata, where OpenID Connect looks', operation: 'getOpenidConfiguration' },
    ],
  },
  {
    name: 'Clients and OAuth',
    description: 'A client is another service with its own credentials: `client_id` and `client_secret`.',
    steps: [
      {
        name: 'Get a token of the client',
        operation: 'getToken',
        body: { grant_type: 'client_credentials' },
        after: [
          keep('client_token', 'body.access_token'),
          keep('client_token_expiry', 'String(Date.now() + body.expires_in * 1000)'),
        ],
      },
      {
        name: 'Introspect a token',
        operation: 'introspectToken',
        body: { token: '{{access_token}}' },
        after: [check('it is active', 'pm.expect(body.active).to.equal(true)')],
      },
      {
        name: 'Open a session for a user',
        operation: 'openUserSession',
        parameters: { id: '{{user_id}}' },
        after: [keep('client_refresh_token', 'body.refresh_token')],
        note: 'For services with their own login.',
      },
      {
        name: 'Refresh this session',
        operation: 'getToken',
        body: { grant_type: 'refresh_token', refresh_token: '{{client_refresh_token}}' },
        after: [keep('client_refresh_token', 'body.refresh_token')],
      },
      {
        name: 'Revoke its token',
        operation: 'revokeToken',
        body: { token: '{{client_refresh_token}}' },
      },
    ],
  },
]

/** What administrators do, and services that verify tokens themselves. */
export const administrationFolders: readonly Folder[] = [
  {
    name: 'Administration',
    description:
      'Accounts and their sessions, for support and back offices: with a client that has the scope `admin`. A user with ' +
      'the role `admin` can send the same requests: choose "Inherit auth from parent".',
    steps: [
      {
        name: 'Create an account',
        operation: 'createUser',
        before: [newAddress('created_email')],
        body: { email: '{{created_email}}', roles: ['editor'] },
        after: [keep('created_user_id', 'body.user.id')],
      },
      {
        name: 'Find accounts',
        operation: 'findUsers',
        query: { email: '{{created_email}}' },
        after: [check('there is one', 'pm.expect(body.users).to.have.lengthOf(1)')],
      },
      {
        name: 'Change an account',
        operation: 'changeUser',
        parameters: CREATED,
        body: { roles: ['collection-editor'] },
        after: [check('it has the new role', `pm.expect(body.roles.join()).to.equal('collection-editor')`)],
      },
      { name: 'Set claims', operation: 'setUserClaims', parameters: CREATED },
      { name: 'Set metadata', operation: 'setUserMetadata', parameters: CREATED },
      {
        name: 'An account',
        operation: 'getUser',
        parameters: CREATED,
        after: [check('it has its claims', `pm.expect(body.claims.tenant).to.equal('acme')`)],
      },
      {
        name: 'Open a session for this account',
        operation: 'openUserSession',
        parameters: CREATED,
        after: [keep('created_session_id', 'body.session_id')],
      },
      {
        name: 'Sessions of an account',
        operation: 'listUserSessions',
        parameters: CREATED,
        after: [check('there is one', 'pm.expect(body).to.have.lengthOf(1)')],
      },
      {
        name: 'Revoke a session of an account',
        operation: 'revokeUserSession',
        parameters: { ...CREATED, session_id: '{{created_session_id}}' },
      },
      { name: 'Revoke the sessions of an account', operation: 'revokeUserSessions', parameters: CREATED },
      {
        name: 'Revoke all tokens of an account',
        operation: 'revokeAllTokensOfUser',
        body: { sub_id: { format: 'email', email: '{{created_email}}' } },
      },
      { name: 'Give a temporary password', operation: 'setTemporaryPassword', parameters: CREATED },
      { name: 'Disable an account', operation: 'disableUser', parameters: CREATED },
      { name: 'Enable an account', operation: 'enableUser', parameters: CREATED },
      { name: 'Keep an account whose owner asked for its deletion', operation: 'cancelDeletion', parameters: CREATED },
      { name: 'Events of an account', operation: 'listUserEvents', parameters: CREATED },
      {
        name: 'Events of all accounts',
        operation: 'findEvents',
        query: { type: 'user_disabled,user_enabled', user_id: '{{created_user_id}}' },
        after: [check('the latest is first', `pm.expect(body.events[0].type).to.equal('user_enabled')`)],
      },
      {
        name: 'Revoke the sessions of a role',
        operation: 'revokeSessions',
        body: { role: 'collection-editor' },
        note: 'Only the account of this folder has this role. With `before` instead, everybody is signed out.',
      },
      { name: 'Delete an account', operation: 'deleteUser', parameters: CREATED },
    ],
  },
  {
    name: 'Feed of revocations',
    description: 'For services that verify tokens themselves: every revocation as it happens.',
    steps: [
      {
        name: 'Follow with a wrong parameter',
        operation: 'followRevocations',
        query: { max_staleness: '1' },
        status: 400,
        after: [`pm.execution.setNextRequest('Report activity')`],
        note: 'The next request has no end. A run of the collection leaves it out.',
      },
      {
        name: 'Follow the revocations',
        operation: 'followRevocations',
        query: { name: 'postman' },
        note: 'The answer has no end: Postman shows the events as they come. Press Cancel to stop.',
      },
      {
        name: 'Report activity',
        operation: 'reportActivity',
        before: [keep('now_ms', 'Date.now()')],
        body: { sessions: [{ sid: '{{session_id}}', gen: 0, at: numberIn('now_ms') }] },
      },
      { name: 'Verifiers', operation: 'listVerifiers' },
    ],
  },
  {
    name: 'Webhooks',
    description: 'Where security events are sent to: see docs/webhooks.md.',
    steps: [
      {
        name: 'Create a webhook',
        operation: 'createWebhook',
        body: { url: 'https://webhook.invalid/latchkey', types: ['registered', 'user_deleted'] },
        after: [keep('webhook_id', 'body.id'), check('it has a secret', `pm.expect(body.secret).to.match(/^whsec_/)`)],
      },
      { name: 'Webhooks', operation: 'listWebhooks' },
      {
        name: 'A webhook',
        operation: 'getWebhook',
        parameters: WEBHOOK,
        after: [check('its secret is not shown again', 'pm.expect(body).not.to.have.property("secret")')],
      },
      { name: 'Change a webhook', operation: 'changeWebhook', parameters: WEBHOOK, body: { types: ['registered'] } },
      {
        name: 'Send a test message',
        operation: 'testWebhook',
        parameters: WEBHOOK,
        after: [check('this name does not exist', `pm.expect(body.outcome).to.equal('failed')`)],
      },
      { name: 'Replace the secret of a webhook', operation: 'rotateWebhookSecret', parameters: WEBHOOK },
      { name: 'Events that were given up', operation: 'listFailedDeliveries', parameters: WEBHOOK },
      { name: 'Send events again', operation: 'replayWebhook', parameters: WEBHOOK },
      { name: 'Remove a webhook', operation: 'removeWebhook', parameters: WEBHOOK },
    ],
  },
  {
    name: 'Shared Signals',
    description: 'For services that want to hear of revocations and changes of accounts as events of CAEP and RISC.',
    steps: [
      { name: 'Transmitter configuration', operation: 'getTransmitterMetadata' },
      {
        name: 'Create a stream',
        operation: 'createStream',
        body: { description: 'the collection' },
        after: [keep('stream_id', 'body.stream_id')],
      },
      {
        name: 'Streams of the client',
        operation: 'readStreams',
        note: 'With `stream_id` it is one stream.',
      },
      {
        name: 'Streams of all clients',
        operation: 'listAllStreams',
        after: [
          check('the stream is there', `pm.expect(JSON.stringify(body)).to.include(pm.variables.get('stream_id'))`),
        ],
      },
      { name: 'Change a stream', operation: 'updateStream', body: { ...STREAM, description: 'still the collection' } },
      {
        name: 'Replace a stream',
        operation: 'replaceStream',
        body: { ...STREAM, delivery: { method: 'urn:ietf:rfc:8936' } },
      },
      { name: 'Status of a stream', operation: 'getStreamStatus', query: STREAM },
      { name: 'Enable a stream', operation: 'setStreamStatus', body: { ...STREAM, status: 'enabled' } },
      { name: 'Ask for a verification', operation: 'verifyStream', body: { ...STREAM, state: 'from the collection' } },
      {
        name: 'Poll a stream',
        operation: 'pollStream',
        parameters: STREAM,
        body: { returnImmediately: true },
        after: [check('an event came', 'pm.expect(Object.keys(body.sets)).to.not.be.empty')],
      },
      { name: 'Delete a stream', operation: 'deleteStream', query: STREAM },
    ],
  },
]
