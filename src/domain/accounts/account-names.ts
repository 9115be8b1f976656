import { Buffer } from 'node:buffer'
import { domainToASCII, domainToUnicode } from 'node:url'
import { fieldError, type LatchkeyError } from '../../lib/errors.js'
import { foldedForm, textForm } from '../../lib/normalize.js'

/**
 * The normal form of an e-mail address, in which it is stored, compared and used for mail: trimmed, NFKC, lower case,
 * and the domain in ASCII (UTS 46), as Chromium sends it from a field of the type `email` and as mail servers use it.
 * Send mail to this form only, never to what was typed: two spellings with one normal form must not reach two
 * mailboxes.
 *
 * It requires what an account needs, not all of RFC 5322: one `@`, something before it, a domain after it, at most 254
 * bytes (RFC 5321, 4.5.3.1.3, without the angle brackets). White space, control and invisible characters, and those
 * that separate or quote addresses in a mail header are refused, so that an account cannot look like another one and
 * cannot make a mailer write to a second person.
 *
 * @throws LatchkeyError `invalid_email`
 */
export function normaliseEmail(input: string): string {
  const email = tryNormaliseEmail(input)
  if (email === undefined)
    throw fieldError('invalid_email', 'email', 'must be an e-mail address such as ada@example.com')
  return email
}

/** The same; undefined if the text is not an e-mail address. */
export function tryNormaliseEmail(text: string): string | undefined {
  const [localPart, domain = ''] = earlierForm(text)?.split('@') ?? []
  const ascii = asciiDomain(domain)
  const email = `${localPart}@${ascii}`
  return ascii === undefined || Buffer.byteLength(email) > EMAIL_MAX_BYTES ? undefined : email
}

/**
 * Every form in which this address may be stored, the form to look for first at the start; none if the text is not an
 * e-mail address. Earlier versions stored a domain as it was typed: with non-ASCII letters, or with a dot at its end.
 * So two accounts may have two spellings of one address, and each is found by its own spelling.
 */
export function emailForms(text: string): readonly string[] {
  const earlier = earlierForm(text)
  if (earlier === undefined) return []
  const email = tryNormaliseEmail(text)
  if (email === undefined) return [earlier]
  const [localPart, domain = ''] = email.split('@')
  const readable = IS_PUNYCODE.test(domain) ? `${localPart}@${domainToUnicode(domain)}` : email
  return [...new Set([earlier, email, readable])]
}

/** The forms in which only earlier versions stored this address: an account with one of them has the address. */
export function earlierEmailForms(text: string): readonly string[] {
  const email = tryNormaliseEmail(text)
  return emailForms(text).filter(form => form !== email)
}

const EMAIL_MAX_BYTES = 254
const DOMAIN_MAX_LENGTH = 253

/** `Cc` are control characters, `Cf` invisible ones (joiners, bidi marks), `Cs` halves of a surrogate pair. */
const ADDRESS = /^[^@\s\p{Cc}\p{Cf}\p{Cs}()<>[\]:;,\\"]+@[^@\s\p{Cc}\p{Cf}\p{Cs}()<>[\]:;,\\"]+$/u

/** Host names have no underscores, but some mail domains do. */
const LABELS = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/** Refused, because `domainToASCII` would read these as the end of a host or as an escape. */
const NOT_IN_DOMAIN = /[^a-z0-9._\u{80}-\u{10FFFF}-]/u
const IS_PUNYCODE = /(^|\.)xn--/

/** The form in which earlier versions stored an address. */
function earlierForm(text: string): string | undefined {
  const email = foldedForm(text).trim()
  return ADDRESS.test(email) && Buffer.byteLength(email) <= EMAIL_MAX_BYTES ? email : undefined
}

/** Undefined if it is not a domain: an empty or too long label, a dot at the end, invalid punycode. */
function asciiDomain(domain: string): string | undefined {
  if (NOT_IN_DOMAIN.test(domain)) return undefined
  // A domain of numbers stays as it is: `domainToASCII` would read 1.2 as the IPv4 address 1.0.0.2.
  const isPlain = /^[\x21-\x7E]*$/.test(domain) && !IS_PUNYCODE.test(domain)
  const ascii = isPlain ? domain : domainToASCII(domain)
  return LABELS.test(ascii) && ascii.length <= DOMAIN_MAX_LENGTH ? ascii : undefined
}

/**
 * The normal form of a username, in which it is stored and compared: NFKC, without white space and invisible characters
 * at its ends.
 *
 * A username that looks like an e-mail address must be the e-mail of its own account, in any spelling. Otherwise, where
 * users sign in by either name, it could stand for the account of the owner of that address, who may register later.
 * With this rule no other account has to be read, and the order of registration does not matter.
 *
 * @param email of the same account, in its normal form
 * @param field that the request changes
 * @throws LatchkeyError invalid_username, whose detail is a sentence
 */
export function normaliseUsername(input: string, email: string, field: 'username' | 'email' = 'username'): string {
  const username = textForm(input).replace(INVISIBLE_ENDS, '')
  if (username === '')
    throw fieldError('invalid_username', field, 'must not be empty', { detail: 'The username is empty.' })
  const addresses = emailForms(username.replace(INVISIBLE, ''))
  if (addresses.length > 0 && !addresses.includes(email))
    throw fieldError('invalid_username', field, SAME_ADDRESS[field], {
      detail: 'The username looks like an e-mail address, so it must be the e-mail of the same account.',
    })
  return username
}

const SAME_ADDRESS = {
  username: 'looks like an e-mail address, so it must be the e-mail of the same account',
  email: 'must be the username, because the username of this account is an e-mail address',
}

/** The error for a name that another account has. */
export function nameTaken(code: keyof typeof TAKEN_FIELDS): LatchkeyError {
  return fieldError(code, TAKEN_FIELDS[code], 'already belongs to another account')
}

const TAKEN_FIELDS = { email_taken: 'email', username_taken: 'username', external_id_taken: 'external_id' } as const

/** White space, control characters and invisible characters: joiners, bidi marks, fillers. */
const INVISIBLE = /[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]+/gu
const INVISIBLE_ENDS = new RegExp(`^${INVISIBLE.source}|${INVISIBLE.source}$`, 'gu')
