import { LatchkeyError } from '../../lib/errors.js'
import { newId } from '../../lib/ids.js'
import { type Language, languageNamed } from '../../lib/language.js'
import type { LetterType } from '../../postgres/security-event-types.js'
import type { SecurityEvent } from '../../postgres/security-events.js'
import { tryNormaliseEmail } from '../accounts/account-names.js'
import type { AuthContext, Caller, Repositories } from '../context.js'
import type { Attempt } from '../deliveries/sender.js'
import { hashOfToken, type OneTimeToken, type Purpose, tokenOfLetter, writeOneTimeToken } from './one-time-token.js'

/** What a letter is about: the purpose of its token, if it has one, and the part of the account page that its link opens. */
const KINDS: Readonly<Record<LetterType, { purpose?: Purpose; opens?: string }>> = {
  letter_password_reset: { purpose: 'password_reset', opens: 'reset' },
  letter_registration: { purpose: 'registration', opens: 'verify' },
  letter_account_exists: {},
  letter_verify_email: { purpose: 'verify_email', opens: 'verify' },
  letter_confirm_email: { purpose: 'confirm_email', opens: 'email' },
  letter_email_changed: { purpose: 'undo_email', opens: 'not-me' },
  letter_new_device: { purpose: 'not_me', opens: 'not-me' },
  letter_password_changed: { purpose: 'not_me', opens: 'not-me' },
  letter_deletion_requested: { purpose: 'not_me', opens: 'not-me' },
}

export const LETTER_TYPES = Object.keys(KINDS) as LetterType[]

/** A letter without a token says only that something was tried. After this time that is no news. */
const NEWS_SECONDS = 24 * 60 * 60

export interface NewLetter {
  type: LetterType
  userId: string
  /** The address that it goes to. */
  email: string
  /** Only for `letter_registration`: the account that the token makes. */
  account?: { passwordHash: string; claims: Record<string, unknown> | null }
  /** The session that it is about. */
  sessionId?: string | undefined
  /** By default the user, who asked for it. */
  actor?: string
  /** Only for `letter_deletion_requested`: when the account is deleted. */
  deleteAt?: Date | undefined
}

/**
 * Writes a letter in the caller's transaction: the hash of its token, and its event, which is queued for the mail server and
 * the webhooks that name its type. The token itself is derived when the letter is sent.
 *
 * @returns false if there is no letter, because the account is disabled or does not exist
 */
export async function writeLetter(
  { config, secrets }: Pick<AuthContext, 'config' | 'secrets'>,
  repositories: Repositories,
  { type, userId, email, account, sessionId, actor = 'user', deleteAt }: NewLetter,
  { language, ...caller }: Caller,
): Promise<boolean> {
  const id = newId()
  const { purpose } = KINDS[type]
  if (purpose) {
    const tokenHash = hashOfToken(tokenOfLetter(id, userId, purpose, secrets.letterKeys[0]))
    const ttlSeconds = ttlOf(config, purpose)
    const token = { userId, email, tokenHash, ttlSeconds }
    if (purpose === 'password_reset') {
      if (!(await repositories.passwordResets.issue(token))) return false
    } else if (purpose === 'registration') await repositories.registrations.add({ ...token, ...account! })
    else await repositories.oneTimeTokens.issue({ ...token, purpose })
  }
  const details = { language: languageNamed(language), ...(deleteAt && { delete_at: deleteAt.toISOString() }) }
  await repositories.securityEvents.add({ id, type, userId, sessionId, actor, ...caller, details })
  return true
}

/**
 * For a user who is known. Nobody else may learn whether there was something to write.
 *
 * @throws LatchkeyError letters_not_sent, if letters of this type go to no mail server and no webhook
 */
export async function checkLetterIsSent({ db }: Pick<AuthContext, 'db'>, type: LetterType): Promise<void> {
  if (!(await db.eventReceivers.isNamed(type))) throw new LatchkeyError('letters_not_sent', { reason: type })
}

function ttlOf(config: AuthContext['config'], purpose: Purpose): number {
  if (purpose === 'password_reset') return config.passwordResetTtlSeconds
  return purpose === 'not_me' || purpose === 'undo_email' ? config.notMeTtlSeconds : config.emailConfirmationTtlSeconds
}

/** A letter as it is sent. It contains a secret. */
export interface Letter {
  /** The id of its event. */
  id: string
  type: LetterType
  /** The one address that it may go to. */
  to: string
  language: Language
  /** Null for a letter that only says that an account exists. */
  token: string | null
  /** Where the reader is asked to go. */
  link: string
  expiresAt: Date | null
  /** Only if it is about the deletion of the account. */
  deleteAt: Date | null
  /** Where what it is about was caused from. */
  at: Date
  ip: string | null
  userAgent: string | null
}

/** The end of an attempt to send a letter that would be useless by now. */
export const OBSOLETE: Attempt = {
  outcome: 'refused',
  reason: 'the token of the letter was used or replaced, or has expired',
}

/** Reads the letter of an event; undefined if it would be useless by now. */
export type ReadLetter = (event: SecurityEvent) => Promise<Letter | undefined>

export function isLetter(type: string): type is LetterType {
  return type in KINDS
}

/**
 * Reads the letter of an event, with its token. Undefined if the token was used or replaced, or has expired, or if the
 * account is gone.
 */
export async function readLetter(
  context: Pick<AuthContext, 'config' | 'db' | 'secrets' | 'clock'>,
  event: SecurityEvent,
): Promise<Letter | undefined> {
  const { id, type, userId, at, ip, userAgent } = event
  if (!isLetter(type) || userId === null) return undefined
  const { language, delete_at: deleteAt } = event.details ?? {}
  const letter = {
    ...{ id, type, at, ip, userAgent, language: languageNamed(language) },
    deleteAt: typeof deleteAt === 'string' ? new Date(deleteAt) : null,
  }
  const { accountUrl } = context.config
  const { purpose, opens } = KINDS[type]
  if (purpose === undefined) {
    const user = await context.db.users.findById(userId)
    if (!user || user.disabledAt || context.clock() - at.getTime() > NEWS_SECONDS * 1000) return undefined
    return { ...letter, to: mailAddress(user.email), token: null, link: accountUrl, expiresAt: null }
  }
  const living = await findLiving(context, id, userId, purpose)
  if (!living) return undefined
  const token = writeOneTimeToken(context.secrets, purpose, living.token)
  const to = mailAddress(living.email)
  // Password managers save the new password under this address.
  const about = purpose === 'password_reset' ? `&email=${encodeURIComponent(to)}` : ''
  return { ...letter, to, token, link: `${accountUrl}#${opens}=${token}${about}`, expiresAt: living.expiresAt }
}

/** The token of a letter, if its hash is still stored. It was derived with one of the keys. */
async function findLiving(
  { db, secrets }: Pick<AuthContext, 'db' | 'secrets'>,
  id: string,
  userId: string,
  purpose: Purpose,
) {
  for (const key of secrets.letterKeys) {
    const token = tokenOfLetter(id, userId, purpose, key)
    const found = await find(db, token, purpose)
    if (found) return { ...found, token }
  }
  return undefined
}

function find(db: AuthContext['db'], token: OneTimeToken, purpose: Purpose) {
  const { userId } = token
  const tokenHash = hashOfToken(token)
  if (purpose === 'password_reset') return db.passwordResets.findUser(userId, tokenHash)
  if (purpose === 'registration') return db.registrations.find(userId, tokenHash)
  return db.oneTimeTokens.find({ userId, purpose, tokenHash })
}

/**
 * Deletes the tokens of a user that went to an address which the account has no longer. Not those that undo such a change:
 * they went to the owner of the address before.
 */
export async function removeTokensOfAddress(
  { passwordResets, oneTimeTokens }: Pick<Repositories, 'passwordResets' | 'oneTimeTokens'>,
  userId: string,
): Promise<void> {
  await passwordResets.removeOf(userId)
  await oneTimeTokens.removeOf(userId, ['verify_email', 'confirm_email', 'not_me'])
}

/** Earlier versions stored some addresses in another form, to which mail must not be sent. */
export function mailAddress(stored: string): string {
  return tryNormaliseEmail(stored) ?? stored
}
