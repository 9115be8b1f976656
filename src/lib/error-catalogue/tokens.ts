import type { CatalogueGroup } from './entry.js'

/** Access tokens. */
export const accessTokenErrors = {
  authentication_required: {
    status: 401,
    title: 'An access token is required.',
    when: 'The request has no access token.',
    action: 'Refresh, or sign in, and send `Authorization: Bearer …`.',
  },
  token_invalid: {
    status: 401,
    title: 'The access token is invalid.',
    when: 'The token is not an access token of this service, or it was changed.',
    action: 'Refresh once. If that fails too, sign in.',
  },
  token_expired: {
    status: 401,
    title: 'The access token has expired.',
    when: 'The lifetime of the token, `JWT_EXPIRES_IN`, is over. The session continues.',
    action: 'Refresh and send the request again.',
  },
  token_revoked: {
    status: 401,
    title: 'The access token was revoked.',
    when: 'The session was ended, the password was changed, or the account was disabled or deleted.',
    action: 'Sign in.',
  },
  live_token_required: {
    status: 401,
    title: 'An expired or replaced token can only end its own session.',
    when: 'A sign-out of other sessions was sent with a token that is no longer current.',
    action: 'Refresh, then send the sign-out again.',
  },
  token_stale: {
    status: 401,
    title: 'The access token is out of date; refresh it.',
    when: 'The roles or the claims of the user have changed, or the key that signed the token was revoked. The session continues.',
    action: 'Refresh and send the request again.',
  },
  insufficient_role: {
    status: 403,
    title: 'The user does not have the required role.',
    when: 'A route for administrators, or a gateway with `?role=`, requires a role that the user does not have.',
    action: 'Do not repeat the request. An administrator can give the role.',
  },
} as const satisfies CatalogueGroup

/** Refresh tokens and sessions. */
export const sessionErrors = {
  refresh_token_missing: {
    status: 401,
    title: 'A refresh token is required.',
    when: 'The refresh has neither the cookie nor a refresh token in the body.',
    action: 'Sign in. If the user just did, check that the browser may send the cookie.',
  },
  refresh_token_invalid: {
    status: 401,
    title: 'The refresh token is invalid.',
    when: 'This service did not make the token, or `JWT_REFRESH_SECRET` was replaced.',
    action: 'Sign in.',
  },
  refresh_token_unknown: {
    status: 401,
    title: 'The refresh token does not match the stored session.',
    when: 'The token is genuine, but the database does not know it: usually an old backup was restored.',
    action: 'Sign in. Operators find the reason in the log.',
  },
  refresh_token_expired: {
    status: 401,
    title: 'The refresh token has expired.',
    when: 'The session was not refreshed for `JWT_REFRESH_EXPIRES_IN`.',
    action: 'Sign in.',
  },
  refresh_token_reused: {
    status: 401,
    title: 'The refresh token was already used; its session was ended.',
    when: 'Two clients have tokens of one session, so one of them may be stolen ([rotation](rotation.md)).',
    action: 'Sign in, and tell the user that the session was ended for safety.',
  },
  refresh_token_superseded: {
    status: 401,
    title: 'The refresh token was replaced; use the newer one.',
    when: 'The token is older than the current one. The session continues ([rotation](rotation.md)).',
    action:
      'Send the newer token. A browser just sends the request again. A client without a newer token sends the same ' +
      'token with the `ticket` of the answer, which ends the session.',
  },
  session_revoked: {
    status: 401,
    title: 'The session was ended.',
    when: 'The user signed out, or the user, an administrator or a change of the password ended the session.',
    action: 'Sign in.',
  },
  session_expired: {
    status: 401,
    title: 'The session has expired.',
    when: 'The session reached its absolute end, `SESSION_MAX_AGE` after the sign-in.',
    action: 'Sign in.',
  },
  user_disabled: {
    status: 401,
    title: 'The account is disabled.',
    when: 'An administrator disabled the account of the session.',
    action: 'Tell the user to contact an administrator.',
  },
  session_not_found: {
    status: 404,
    title: 'Session not found.',
    when: 'No live session of this user has this id.',
    action: 'Load the list of sessions again: the session has probably ended.',
  },
} as const satisfies CatalogueGroup
