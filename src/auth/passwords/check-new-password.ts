import { LatchkeyError } from '../../errors.js'
import { normalizePassword } from './normalize-password.js'

/** In code points after NFKC. Enough for any passphrase, and a bound on what one hash can be given. */
export const PASSWORD_MAX_LENGTH = 256

export interface NewPasswordRules {
  /** The account's address. */
  email: string
  /** In code points after NFKC. */
  minLength: number
}

/**
 * Refuses a new password that is too short, too long, or the first thing that anyone would guess. There are no rules
 * about digits or capitals: they make passwords worse. Compared is the whole password, whatever its case.
 *
 * @throws LatchkeyError `password_too_short`, `password_too_long`, `password_is_email`, `password_too_common`
 * @see NIST SP 800-63B-4, 3.1.1.2; OWASP ASVS 5.0, 6.2.1, 6.2.5, 6.2.9 and 6.2.11
 */
export function checkNewPassword(password: string, { email, minLength }: NewPasswordRules): void {
  const length = [...normalizePassword(password)].length
  if (length < minLength) {
    throw new LatchkeyError('password_too_short', { detail: `Use at least ${minLength} characters.` })
  }
  if (length > PASSWORD_MAX_LENGTH) {
    throw new LatchkeyError('password_too_long', { detail: `Use at most ${PASSWORD_MAX_LENGTH} characters.` })
  }

  const folded = fold(password)
  const address = fold(email)
  // A local part shorter than the minimum needs no rule of its own: such a password was refused above.
  if (folded === address || folded === address.slice(0, address.lastIndexOf('@'))) {
    throw new LatchkeyError('password_is_email', { detail: 'Use something that is not part of your address.' })
  }
  if (folded === SERVICE_NAME) {
    throw new LatchkeyError('password_too_common', { detail: 'Use something other than the name of this service.' })
  }
}

const SERVICE_NAME = 'latchkey'

function fold(text: string): string {
  return normalizePassword(text).toLowerCase()
}
