/**
 * The names of claims that have a meaning: those of a JWT (RFC 7519, 4.1), of an access token (RFC 9068, 2.2), those that
 * Latchkey adds, and those of OpenID Connect (Core 1.0, 2 and 5.1), which libraries read from any token.
 */
const RESERVED: ReadonlySet<string> = new Set(
  [
    'iss sub aud exp nbf iat jti',
    'client_id auth_time acr amr scope groups roles entitlements',
    'sid ver gen roles_version token_type user_id cnf act may_act',
    'nonce azp at_hash c_hash name given_name family_name middle_name nickname preferred_username profile picture website',
    'email email_verified gender birthdate zoneinfo locale phone_number phone_number_verified address updated_at',
  ].flatMap(names => names.split(' ')),
)

/** Whether a custom claim cannot have this name. */
export function isReservedClaim(name: string): boolean {
  return RESERVED.has(name)
}
