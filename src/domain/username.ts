import { LatchkeyError } from '../lib/errors.js'
import { textForm } from '../lib/normalize.js'
import { emailForms } from './email.js'

/**
 * The form in which a username is stored and compared: NFKC, without white space and invisible characters at its ends.
 *
 * What looks like an e-mail address must be the one of the account itself, however it is spelt. Where people sign in by
 * either name, the holder of another such name would answer for the owner of the address, who may come later. So no
 * other account has to be looked at, and nothing depends on who came first.
 *
 * @param email of the same account, in its normal form
 * @throws LatchkeyError invalid_username, whose detail is a sentence
 */
export function normaliseUsername(input: string, email: string): string {
  const username = textForm(input).replace(INVISIBLE_ENDS, '')
  if (username === '') throw new LatchkeyError('invalid_username', { detail: 'The username is empty.' })
  const addresses = emailForms(username.replace(INVISIBLE, ''))
  if (addresses.length > 0 && !addresses.includes(email))
    throw new LatchkeyError('invalid_username', { detail: 'The username is not the e-mail of its own account.' })
  return username
}

/** White space, control characters, and what a screen shows nothing of: joiners, bidi marks, fillers. */
const INVISIBLE = /[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]+/gu
const INVISIBLE_ENDS = new RegExp(`^${INVISIBLE.source}|${INVISIBLE.source}$`, 'gu')
