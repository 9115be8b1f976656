import { createRequire } from 'node:module'
import { type ErrorCode, fieldError } from '../../lib/errors.js'
import { foldedForm, normalizePassword } from '../../lib/normalize.js'
import { emailForms } from '../accounts/account-names.js'

/** In code points after NFKC. Enough for any passphrase, and a limit on the input of a hash. */
export const PASSWORD_MAX_LENGTH = 256

export interface NewPasswordRules {
  /** The e-mail of the account. */
  email: string
  /** In characters of {@link asSeen}. */
  minLength: number
  /** The current password, if it is known. */
  current?: string | undefined
  /** Its name in the request. */
  field?: 'password' | 'new_password'
}

/**
 * Refuses a new password that is blank, too short, too long, or among the first guesses of an attacker. There are no
 * rules about digits or capitals: they make passwords worse. The whole password is compared, as it is seen and without
 * regard to case. Each refusal has a sentence for users, and a message for its field.
 *
 * @throws LatchkeyError `password_blank`, `password_too_short`, `password_too_long`, `password_is_email`,
 *   `password_too_common`, `password_unchanged`
 * @see NIST SP 800-63B-4, 3.1.1.2; OWASP ASVS 5.0, 6.2.1, 6.2.4, 6.2.5, 6.2.9 and 6.2.11
 */
export function checkNewPassword(password: string, rules: NewPasswordRules): void {
  const { email, minLength, current, field = 'password' } = rules
  const refuse = (code: ErrorCode, detail: string, message: string): never => {
    throw fieldError(code, field, message, { detail })
  }

  const normalized = normalizePassword(password)
  const seen = asSeen(normalized)
  if (seen.trim() === '' && normalized !== '')
    refuse('password_blank', 'Use visible characters: spaces alone are not a password.', 'must have visible characters')
  const length = [...normalized].length
  if ([...seen].length < minLength) {
    const isPadded = length >= minLength
    const hint = isPadded ? ' Spaces in a row count as one, and invisible characters do not count.' : ''
    const messageHint = isPadded ? '; spaces in a row count as one, and invisible characters do not count' : ''
    refuse(
      'password_too_short',
      `Use at least ${minLength} characters.${hint}`,
      `must have at least ${minLength} characters${messageHint}`,
    )
  }
  if (length > PASSWORD_MAX_LENGTH)
    refuse(
      'password_too_long',
      `Use at most ${PASSWORD_MAX_LENGTH} characters.`,
      `must have at most ${PASSWORD_MAX_LENGTH} characters`,
    )

  const folded = foldedForm(seen.trim())
  const addresses = emailForms(email).map(foldedForm)
  // A local part below the minimum length needs no rule: such a password was refused above.
  if (addresses.some(address => folded === address || folded === address.slice(0, address.lastIndexOf('@'))))
    refuse(
      'password_is_email',
      'Do not use your e-mail address, or the part of it before the @.',
      'must not be your e-mail address',
    )
  if (folded === SERVICE_NAME)
    refuse('password_too_common', 'Do not use the name of this service.', 'must not be the name of this service')
  if (new Set(folded.replaceAll(' ', '')).size === 1)
    refuse(
      'password_too_common',
      'Use different characters: attackers try one repeated character first.',
      'must not repeat one character',
    )
  if (isCommonPassword(folded))
    refuse(
      'password_too_common',
      'Many people use this one, and attackers try it first: use another one.',
      'is too common',
    )
  if (current !== undefined && normalized === normalizePassword(current))
    refuse(
      'password_unchanged',
      'Use a password that is different from the current one.',
      'must be different from the current one',
    )
}

const SERVICE_NAME = 'latchkey'

/**
 * White space and invisible characters. Unicode counts some of these as letters or symbols: a Braille pattern without
 * dots, a filler of a script, a musical note without a head. Lone surrogates are not characters.
 */
const UNSEEN = /[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Cs}\u2800\u{16FE4}\u{1D159}]+/gu

/**
 * The password as it is seen: white space in a row becomes one space, and invisible characters are removed. Neither may
 * make up the length or hide a common password. The hash is made from everything that was typed.
 */
function asSeen(normalized: string): string {
  return normalized.replace(UNSEEN, run => (/\p{White_Space}/u.test(run) ? ' ' : ''))
}

/**
 * Whether a password is one of the most common ones, which attackers try first.
 *
 * The list is that of zxcvbn-ts (`@zxcvbn-ts/language-common`, MIT); nothing else of it is loaded. It is read when the
 * first new password is checked, not at the start: this takes some 40 ms once, and 3 MB of memory.
 *
 * @param folded see {@link foldedForm}
 */
function isCommonPassword(folded: string): boolean {
  list ??= readList()
  return list.has(folded)
}

let list: ReadonlySet<string> | undefined

/** The lowest value of PASSWORD_MIN_LENGTH: shorter passwords are never accepted, so the list need not hold them. */
const LOWEST_MIN_LENGTH = 8

function readList(): ReadonlySet<string> {
  const all: readonly string[] = createRequire(import.meta.url)('@zxcvbn-ts/language-common/dist/passwords.json.cjs')
  return new Set(all.filter(password => password.length >= LOWEST_MIN_LENGTH).map(foldedForm))
}
