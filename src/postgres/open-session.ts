import { type SQL, sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { isLive, joinsLiveTables, liveTables, notBefore, ofUser } from './is-live.js'
import { hotSql, type Runner } from './pool/connections.js'
import { queueDeliveries } from './queue-deliveries.js'
import type { SecurityEventType } from './security-event-types.js'
import type { AddedEvent } from './security-events.js'
import { carriedClaims, carriedRoles, type SessionFacts, seconds, wholeSeconds } from './session-facts.js'

export type StoredDevice = { browser: string | null; os: string | null; kind: string }
export type StoredLocation = { country: string; city?: string }

/**
 * The account's state when its password was verified. A sign-in fails if it has changed when the account's row is
 * locked.
 */
export interface SignInFence {
  tokenVersion: number
  passwordHash: string
}

export interface NewSession {
  sessionId: string
  userId: string
  /** Null if no password was verified; then the account only has to exist and be enabled. */
  fence: SignInFence | null
  clientId: string
  transport: 'cookie' | 'body'
  remember: boolean
  authMethods: readonly string[]
  device: StoredDevice
  userAgent: string | undefined
  ip: string | undefined
  location: StoredLocation | undefined
  maxAgeSeconds: number
  refreshTtlSeconds: number
  tokenHash: Buffer
  nextHash: Buffer
  /** The event that is written with the session. */
  event: OpeningEvent
  /**
   * If given, the session is only opened if the user certainly has fewer live sessions than this. It is not opened either
   * if another statement changed the user's row at the same time: that one may have opened a session.
   */
  room: number | null
}

export interface OpeningEvent {
  type: SecurityEventType
  actor: string
  /** Whether its details say that the device is new. */
  tellsNewDevice: boolean
  /** It is announced, and not stored. */
  requestId: string | undefined
  /** A letter to the owner about the event; null if there is none for its type. */
  notice: NewNotice | null
}

/** A letter with the token with which the owner says that it was somebody else. */
export interface NewNotice {
  id: string
  type: 'letter_new_device' | 'letter_password_changed'
  tokenHash: Buffer
  ttlSeconds: number
  language: string
}

/**
 * Opens a session with its first refresh token and its event, in one statement that updates the user's row: after a
 * verified password, the count of failed attempts becomes 0. The sign-in fails if all sessions were ended, the account
 * was disabled or the password was changed after the password was verified, or if the deletion of the account is pending. (A join or a sub-select would not wait for
 * such a change to commit. The update waits, and then checks its condition again.)
 *
 * The notice to the owner is written with the event, so that it cannot be lost: but only if a receiver names its type, and
 * about a new device only if the user has another session. The first sign-in of an account is no news.
 *
 * @param onAdded is called with the event and the notice
 */
export async function openSession(
  runner: Runner,
  { fence, event, ...session }: NewSession,
  onAdded: (events: readonly AddedEvent[]) => void,
): Promise<SessionFacts | undefined> {
  const { type, actor, tellsNewDevice, requestId, notice } = event
  const eventId = uuidv7()
  const values = {
    ...session,
    eventId,
    eventType: type,
    actor,
    tellsNewDevice,
    authMethods: `{${session.authMethods.join(',')}}`,
    device: JSON.stringify(session.device),
    userAgent: session.userAgent ?? null,
    ip: session.ip ?? null,
    location: session.location ? JSON.stringify(session.location) : null,
    noticeId: notice?.id ?? null,
    noticeType: notice?.type ?? null,
    noticeTokenHash: notice?.tokenHash ?? null,
    noticeTtlSeconds: notice?.ttlSeconds ?? null,
    noticeLanguage: notice?.language ?? null,
  }
  const [row] = await (fence ? runner.hot(openFenced, { ...values, ...fence }) : runner.hot(openUnfenced, values))
  if (!row) return undefined
  const { eventAt, isNewDevice, hasNotice, ...facts } = row
  const { userId, sessionId } = facts
  const { ip, userAgent } = session
  const details = isNewDevice && tellsNewDevice ? { details: { new_device: true } } : {}
  const shared = { at: new Date(eventAt), userId, sessionId, ip, userAgent, requestId }
  const letter = hasNotice && notice ? [{ ...shared, id: notice.id, type: notice.type, actor: 'system' }] : []
  onAdded([{ ...shared, id: eventId, type, actor, ...details }, ...letter])
  return { ...facts, userCreatedAt: new Date(facts.userCreatedAt) }
}

type SentSession = { [Name in keyof Omit<NewSession, 'fence' | 'event'>]: NewSession[Name] | string | null } & {
  eventId: string
  eventType: string
  actor: string
  tellsNewDevice: boolean
  noticeId: string | null
  noticeType: string | null
  noticeTokenHash: Buffer | null
  noticeTtlSeconds: number | null
  noticeLanguage: string | null
}

interface OpenedRow extends SessionFacts {
  /** Whether no other stored session of the user has such a device. */
  isNewDevice: boolean
  hasNotice: boolean
  eventAt: string
}

const given = (name: keyof SentSession | keyof SignInFence) => sql.placeholder(name)

/**
 * Whether the row is still the one that the statement saw at its start. The sub-select is not evaluated again for a row
 * that another transaction has changed since.
 */
const isAsSeen = sql`users.xmin::text = (select seen.xmin::text from users as seen where seen.id = ${given('userId')})`

const sessionsSeen = sql`(
  select count(*) from sessions, ${liveTables} where ${joinsLiveTables} and ${ofUser} and ${isLive})`

const openFenced = hotSql<SentSession & SignInFence, OpenedRow>(
  'open_session',
  opening(sql`token_version = ${given('tokenVersion')} and password_hash = ${given('passwordHash')}`, sql`0`),
)

const openUnfenced = hotSql<SentSession, OpenedRow>(
  'open_session_without_password',
  opening(sql`true`, sql`failed_logins`),
)

function opening(isUnchanged: SQL, failedLogins: SQL): SQL {
  return sql`
    with account as (
      update users set failed_logins = ${failedLogins}
      where id = ${given('userId')} and disabled_at is null and delete_at is null and ${isUnchanged}
        and (${given('room')}::int is null or ${isAsSeen} and ${sessionsSeen} < ${given('room')}::int)
      returning id, email, email_verified_at, username, external_id, roles, claims, roles_version, token_version, created_at
    ), session as (
      insert into sessions (id, user_id, token_version, client_id, created_at, expires_at, device, user_agent, ip,
        location, transport, remember, auth_time, auth_methods)
      select ${given('sessionId')}, account.id, account.token_version, ${given('clientId')},
        greatest(now(), ${notBefore}), now() + ${seconds(given('maxAgeSeconds'))},
        ${given('device')}::jsonb, ${given('userAgent')}, ${given('ip')}::inet,
        ${given('location')}::jsonb, ${given('transport')}, ${given('remember')}, now(), ${given('authMethods')}::text[]
      from account
      returning id, user_id, client_id, created_at, auth_time, expires_at, remember, user_agent, ip
    ), whitelisted as (
      insert into refresh_tokens (session_id, generation, token_hash, next_hash, rotated_at, expires_at)
      select session.id, 0, ${given('tokenHash')}, ${given('nextHash')}, now(),
        least(now() + ${seconds(given('refreshTtlSeconds'))}, session.expires_at)
      from session
      returning session_id, expires_at
    ), device as (
      select not exists (select from sessions as known where known.user_id = account.id
        and known.device = ${given('device')}::jsonb) as is_new
      from account
    ), notice as (
      select account.id as user_id, account.email from account, device
      where (${given('noticeType')}::text = 'letter_password_changed' or ${given('noticeType')}::text = 'letter_new_device'
          and device.is_new and exists (select from sessions as other where other.user_id = account.id))
        and exists (select from event_receivers
          where disabled_at is null and ${given('noticeType')}::text = any(types))
    ), notice_token as (
      insert into one_time_tokens (user_id, purpose, email, token_hash, created_at, expires_at)
      select notice.user_id, 'not_me', notice.email, ${given('noticeTokenHash')}, now(),
        now() + ${seconds(given('noticeTtlSeconds'))}
      from notice
      on conflict (user_id, purpose, email) do update
      set token_hash = excluded.token_hash, created_at = excluded.created_at, expires_at = excluded.expires_at
    ), event as (
      insert into security_events (id, at, user_id, session_id, type, actor, ip, user_agent, details)
      select ${given('eventId')}::uuid, now(), session.user_id, session.id, ${given('eventType')}::text,
        ${given('actor')}::text, session.ip, session.user_agent,
        case when device.is_new and ${given('tellsNewDevice')} then '{"new_device": true}'::jsonb end
      from session, device
      union all
      select ${given('noticeId')}::uuid, now(), session.user_id, session.id, ${given('noticeType')}::text, 'system',
        session.ip, session.user_agent, jsonb_build_object('language', ${given('noticeLanguage')}::text)
      from session, notice
      returning id, user_id, type, at
    ), queued as (${queueDeliveries(sql`event`)})
    select session.id as "sessionId", account.id as "userId", account.email,
      account.email_verified_at is not null as "emailVerified", account.username,
      account.external_id as "externalId", ${carriedRoles(sql`session.client_id`, sql`account.roles`)} as roles,
      ${carriedClaims(sql`session.client_id`, sql`account.claims`)} as claims,
      account.roles_version as "rolesVersion", account.token_version as "tokenVersion",
      session.client_id as "clientId", account.created_at as "userCreatedAt",
      ${wholeSeconds(sql`greatest(session.auth_time, session.created_at)`)} as "authTime",
      ${wholeSeconds(sql`now()`)} as "issuedAt", ${wholeSeconds(sql`whitelisted.expires_at`)} as "endsAt",
      session.remember, session.user_agent as "userAgent", session.ip,
      extract(epoch from whitelisted.expires_at - now())::float8 as "refreshExpiresInSeconds",
      device.is_new as "isNewDevice", exists (select from notice) as "hasNotice", event.at as "eventAt"
    from account join session on session.user_id = account.id
      join whitelisted on whitelisted.session_id = session.id
      join event on event.id = ${given('eventId')}::uuid, device`
}
