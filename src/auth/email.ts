import { Buffer } from 'node:buffer'
import { LatchkeyError } from '../errors.js'

/**
 * The one form in which an address is stored, compared and written to: NFKC, lower case, trimmed. Send mail to this
 * form only, never to what was typed: two spellings that fold into one must not reach two mailboxes.
 *
 * It asks for what an account needs and leaves the rest of RFC 5322 to the mail that arrives or does not: one `@`,
 * something on either side, at most 254 bytes (RFC 5321, 4.5.3.1.3, less the angle brackets). White space, control and
 * invisible characters, and those that separate or quote addresses in a mail header are refused, so that an account
 * can neither look like another nor make a mailer write to a second person.
 *
 * @throws LatchkeyError `invalid_email`
 */
export function normaliseEmail(input: string): string {
  // Lower-casing can leave a sequence that NFKC composes, so it runs on both sides; the form is then stable.
  const email = input.normalize('NFKC').toLowerCase().normalize('NFKC').trim()
  if (!ADDRESS.test(email) || Buffer.byteLength(email) > EMAIL_MAX_BYTES) throw new LatchkeyError('invalid_email')
  return email
}

/** The same, or undefined for what is no address. */
export function asEmail(text: string): string | undefined {
  try {
    return normaliseEmail(text)
  } catch (error) {
    if (error instanceof LatchkeyError && error.code === 'invalid_email') return undefined
    throw error
  }
}

const EMAIL_MAX_BYTES = 254

/** `Cc` are control characters, `Cf` invisible ones (joiners, bidi marks), `Cs` halves of a surrogate pair. */
const ADDRESS = /^[^@\s\p{Cc}\p{Cf}\p{Cs}()<>[\]:;,\\"]+@[^@\s\p{Cc}\p{Cf}\p{Cs}()<>[\]:;,\\"]+$/u
