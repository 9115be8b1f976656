import type { SecurityEventType } from '../../postgres/security-event-types.js'

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/'
const RISC = 'https://schemas.openid.net/secevent/risc/event-type/'
const SSF = 'https://schemas.openid.net/secevent/ssf/event-type/'

/** CAEP 1.0: sessions were revoked; the subject says which. */
export const SESSION_REVOKED = `${CAEP}session-revoked`
/** CAEP 1.0: a password was replaced. */
export const CREDENTIAL_CHANGE = `${CAEP}credential-change`
/** CAEP 1.0: the roles of a user were changed. */
export const TOKEN_CLAIMS_CHANGE = `${CAEP}token-claims-change`
/** RISC 1.0: the account can no longer sign in. */
export const ACCOUNT_DISABLED = `${RISC}account-disabled`
/** RISC 1.0: the account can sign in again. */
export const ACCOUNT_ENABLED = `${RISC}account-enabled`
/** RISC 1.0: the account was deleted. */
export const ACCOUNT_PURGED = `${RISC}account-purged`
/**
 * RISC 1.0: the e-mail of an account was changed. Not `identifier-changed`: that is for a provider that is authoritative
 * over the address.
 */
export const RECOVERY_INFORMATION_CHANGED = `${RISC}recovery-information-changed`

/** SSF 1.0, 8.1.4.1: shows that a stream works. */
export const VERIFICATION = `${SSF}verification`
/** SSF 1.0, 8.1.5: this service changed the status of a stream. */
export const STREAM_UPDATED = `${SSF}stream-updated`

/** The signals that each security event is told as, the most urgent first. The other events are no signals. */
export const SIGNALS_OF: Readonly<Partial<Record<SecurityEventType, readonly string[]>>> = {
  signed_out: [SESSION_REVOKED],
  session_revoked: [SESSION_REVOKED],
  sessions_revoked: [SESSION_REVOKED],
  refresh_token_reused: [SESSION_REVOKED],
  everyone_signed_out: [SESSION_REVOKED],
  password_changed: [SESSION_REVOKED, CREDENTIAL_CHANGE],
  password_reset: [SESSION_REVOKED, CREDENTIAL_CHANGE],
  temporary_password_set: [SESSION_REVOKED, CREDENTIAL_CHANGE],
  account_secured: [SESSION_REVOKED, CREDENTIAL_CHANGE],
  account_deletion_requested: [SESSION_REVOKED],
  roles_changed: [TOKEN_CLAIMS_CHANGE],
  email_changed: [RECOVERY_INFORMATION_CHANGED],
  user_disabled: [SESSION_REVOKED, ACCOUNT_DISABLED],
  user_enabled: [ACCOUNT_ENABLED],
  user_deleted: [SESSION_REVOKED, ACCOUNT_PURGED],
}

/** Every type of signal that a stream can have. */
export const SIGNAL_TYPES: readonly string[] = [...new Set(Object.values(SIGNALS_OF).flat())]

/** The types of the security events that are told as one of these signals. */
export function eventTypesOf(signals: readonly string[]): SecurityEventType[] {
  const types = Object.keys(SIGNALS_OF) as SecurityEventType[]
  return types.filter(type => SIGNALS_OF[type]!.some(signal => signals.includes(signal)))
}
