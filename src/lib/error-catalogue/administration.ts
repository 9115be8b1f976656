import type { CatalogueGroup } from './entry.js'

/** Clients and administration. The first five codes are those of RFC 6749, 5.2. */
export const administrationErrors = {
  invalid_client: {
    status: 401,
    title: 'The client id or the client secret is wrong.',
    when: 'A request to `/oauth` has no client credentials, or wrong ones: a wrong secret, or an assertion that is not accepted.',
    action:
      'Check `client_id` and `client_secret`. `latchkey clients rotate` makes a new secret. The log says as `reason` why an ' +
      'assertion was refused.',
  },
  invalid_grant: {
    status: 400,
    title: 'The refresh token is invalid for this client.',
    when: 'At `/oauth/token`: another client opened the session, or the token is invalid, expired or revoked.',
    action: 'Let the user sign in again.',
  },
  invalid_scope: {
    status: 400,
    title: 'The scope does not exist, or the client does not have it.',
    when: 'A client requests a scope that it was not given, or a client is created with an unknown scope.',
    action: 'Request only scopes that the client has, or leave out `scope` for all of them.',
  },
  unauthorized_client: {
    status: 400,
    title: 'The client is not allowed to do this.',
    when: 'The client does not have the scope that the route below `/oauth` requires.',
    action: 'Give the client the scope: create it again with `latchkey clients create`.',
  },
  unsupported_grant_type: {
    status: 400,
    title: 'This grant type is not supported.',
    when: '`grant_type` at `/oauth/token` is neither `client_credentials` nor `refresh_token`.',
    action: 'Send one of these two.',
  },
  client_required: {
    status: 403,
    title: 'The session belongs to a client; refresh it at /oauth/token with the credentials of the client.',
    when: 'A refresh token of a session that a client opened is sent without the credentials of that client.',
    action: 'Send the token to the service that opened the session. The session continues.',
  },
  insufficient_scope: {
    status: 403,
    title: 'The client does not have the required scope.',
    when: 'The access token of a client does not have the scope that the route requires.',
    action: 'Do not repeat the request. Give the client the scope.',
  },
  invalid_client_name: {
    status: 422,
    title: 'The client name is not valid.',
    when: 'A client is created with a name that is empty, too long, or has other characters than letters, digits and `_ . -`.',
    action: 'Choose another name.',
  },
  client_name_taken: {
    status: 409,
    title: 'A client with this name already exists.',
    when: 'A client is created with the name of another client.',
    action: 'Choose another name, or replace the secret of the existing client.',
  },
  client_not_found: {
    status: 404,
    title: 'Client not found.',
    when: 'No client has this name.',
    action: 'Check the name.',
  },
  invalid_client_assertion: {
    status: 422,
    title: 'The client cannot authenticate like this.',
    when: 'A client is created or changed with keys, an issuer or a subject that cannot be used.',
    action: 'Correct the field that `errors` names.',
  },
  client_without_credentials: {
    status: 409,
    title: 'The client would have neither a secret nor assertions.',
    when: 'The last way in which a client can authenticate is removed.',
    action: 'Give the client another one first, or remove the client.',
  },
  client_has_no_secret: {
    status: 409,
    title: 'The client has no secret that could be replaced.',
    when: 'The secret of a client is replaced that authenticates by assertions only.',
    action: 'Do not replace it; or give the client a secret with `latchkey clients update --secret`.',
  },
  verifier_not_found: {
    status: 404,
    title: 'No verifier with this id follows the revocations.',
    when: 'At `/auth/activity`: the verifier has not connected to `/auth/revocations`, or not for long.',
    action: 'Connect to `/auth/revocations` with this id; then report again. The reported sessions are recorded.',
  },
  verifier_id_taken: {
    status: 409,
    title: 'Another client has a verifier with this id.',
    when: 'At `/auth/revocations` and `/auth/activity`: the id in `verifier` belongs to a verifier of another client.',
    action: 'Choose a random UUID for each process that verifies tokens.',
  },
  user_not_found: {
    status: 404,
    title: 'User not found.',
    when: 'No account has this id, e-mail or username.',
    action: 'Check the id; the account may have been deleted.',
  },
  invalid_claims: {
    status: 422,
    title: 'The claims are not valid.',
    when: 'Claims have a reserved name, are nested too deeply, or are too long, alone or beside the roles of the user.',
    action: 'Correct the claims; `detail` or `errors` gives the reason.',
  },
  invalid_metadata: {
    status: 422,
    title: 'The metadata is not valid.',
    when: 'Metadata is no JSON object, is nested too deeply, or is too long.',
    action: 'Correct the metadata; `detail` gives the reason.',
  },
  webhook_not_found: {
    status: 404,
    title: 'Webhook not found.',
    when: 'No webhook has this id.',
    action: 'Compare the id with those at `/admin/webhooks`.',
  },
  invalid_webhook: {
    status: 422,
    title: 'The webhook is not valid.',
    when: 'A webhook is created or changed with an address or types that cannot be used.',
    action: 'Correct the field that `errors` names.',
  },
  stream_not_found: {
    status: 404,
    title: 'Stream not found.',
    when: 'The client has no stream of Shared Signals with this id, or polls one whose events are pushed.',
    action: 'Compare the id with those that `GET /ssf/streams` lists for this client.',
  },
  invalid_stream: {
    status: 400,
    title: 'The stream is not valid.',
    when: 'A stream is created or changed with an address that cannot be used, or with a value of the service that is not the present one.',
    action: 'Correct the field that `errors` names.',
  },
  too_many_streams: {
    status: 409,
    title: 'The client has too many streams.',
    when: 'A client that has 20 streams creates another one.',
    action: 'Change or delete one of the streams that `GET /ssf/streams` lists.',
  },
  signing_key_not_found: {
    status: 404,
    title: 'Signing key not found, or already revoked.',
    when: 'A key is revoked that does not exist, or was revoked before.',
    action: 'Compare the `kid` with those at `/.well-known/jwks.json`.',
  },
  own_account: {
    status: 409,
    title: 'Administrators cannot disable, delete or demote themselves.',
    when: 'An administrator would lose access by the request, or asks for the deletion of the own account.',
    action: 'Another administrator, or a client with the scope `admin`, does it.',
  },
  account_disabled: {
    status: 409,
    title: 'The account is disabled; enable it first.',
    when: 'A session or a password reset is requested for a disabled account.',
    action: 'Enable the account, then send the request again.',
  },
} as const satisfies CatalogueGroup
