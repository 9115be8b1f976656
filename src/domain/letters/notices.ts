import { newId } from '../../lib/ids.js'
import { languageNamed } from '../../lib/language.js'
import type { NewNotice } from '../../postgres/open-session.js'
import type { SecurityEventType } from '../../postgres/security-event-types.js'
import type { AuthContext } from '../context.js'
import { hashOfToken, tokenOfLetter } from './one-time-token.js'

/**
 * The letter that tells the owner of an account what somebody did with their password: signed in from a new device, or
 * changed it. The statement that opens the session decides whether it is written.
 *
 * @returns null if there is none about events of this type
 */
export function noticeOf(
  { config, secrets }: Pick<AuthContext, 'config' | 'secrets'>,
  eventType: SecurityEventType,
  userId: string,
  language: string | undefined,
): NewNotice | null {
  const type = NOTICES[eventType]
  if (type === undefined) return null
  const id = newId()
  const tokenHash = hashOfToken(tokenOfLetter(id, userId, 'not_me', secrets.letterKeys[0]))
  return { id, type, tokenHash, ttlSeconds: config.notMeTtlSeconds, language: languageNamed(language) }
}

const NOTICES: Readonly<Partial<Record<SecurityEventType, NewNotice['type']>>> = {
  signed_in: 'letter_new_device',
  password_changed: 'letter_password_changed',
}
