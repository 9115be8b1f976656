/**
 * The types of security events; docs/events.md describes each. They are alone in this file, so that an application that uses
 * them needs no types of Drizzle.
 */
export const SECURITY_EVENT_TYPES = [
  'registered',
  'signed_in',
  'sign_in_failed',
  'signed_out',
  'session_revoked',
  'session_expired',
  'refresh_replayed',
  'refresh_recovered',
  'refresh_superseded',
  'refresh_token_reused',
  'refresh_token_unknown',
  'password_changed',
  'password_reset_issued',
  'password_reset',
  'roles_changed',
  'email_changed',
  'username_changed',
  'everyone_signed_out',
  'user_created',
  'user_disabled',
  'user_enabled',
  'users_imported',
  'account_locked',
  'user_deleted',
  'temporary_password_set',
  'sessions_revoked',
  'token_revoked',
  'client_created',
  'client_removed',
  'client_secret_rotated',
  'client_changed',
  'client_assertion_refused',
  'signing_key_created',
  'signing_key_revoked',
] as const

export type SecurityEventType = (typeof SECURITY_EVENT_TYPES)[number]
