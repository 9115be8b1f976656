import { type SQL, sql } from 'drizzle-orm'
import { notBefore } from './is-live.js'
import { hotSql, type Runner } from './pool/connections.js'
import { carriedRoles, type SessionFacts, seconds, wholeSeconds } from './session-facts.js'

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
}

/** What a sign-in returns in addition to the facts of a session. */
export interface OpenedFacts extends SessionFacts {
  /** True if no other stored session of the user has such a device. */
  isNewDevice: boolean
}

/**
 * Opens a session with its first refresh token, in one statement that locks the user's row. The sign-in fails if all
 * sessions were ended, the account was disabled or the password was changed after the password was verified. (A join or
 * a sub-select would not wait for such a change to commit. `for no key update` waits, and then checks its condition
 * again.)
 */
export async function openSession(runner: Runner, { fence, ...session }: NewSession): Promise<OpenedFacts | undefined> {
  const values = {
    ...session,
    authMethods: `{${session.authMethods.join(',')}}`,
    device: JSON.stringify(session.device),
    userAgent: session.userAgent ?? null,
    ip: session.ip ?? null,
    location: session.location ? JSON.stringify(session.location) : null,
  }
  const [facts] = await (fence ? runner.hot(openFenced, { ...values, ...fence }) : runner.hot(openUnfenced, values))
  return facts && { ...facts, userCreatedAt: new Date(facts.userCreatedAt) }
}

type SentSession = { [Name in keyof Omit<NewSession, 'fence'>]: NewSession[Name] | string | null }

const given = (name: keyof SentSession | keyof SignInFence) => sql.placeholder(name)

const openFenced = hotSql<SentSession & SignInFence, OpenedFacts>(
  'open_session',
  opening(sql`token_version = ${given('tokenVersion')} and password_hash = ${given('passwordHash')}`),
)

const openUnfenced = hotSql<SentSession, OpenedFacts>('open_session_without_password', opening(sql`true`))

function opening(isUnchanged: SQL): SQL {
  return sql`
    with account as (
      select id, email, username, external_id, roles, roles_version, token_version, created_at from users
      where id = ${given('userId')} and disabled_at is null and ${isUnchanged}
      for no key update
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
    )
    select session.id as "sessionId", account.id as "userId", account.email, account.username,
      account.external_id as "externalId", ${carriedRoles(sql`session.client_id`, sql`account.roles`)} as roles,
      account.roles_version as "rolesVersion", account.token_version as "tokenVersion",
      session.client_id as "clientId", account.created_at as "userCreatedAt",
      ${wholeSeconds(sql`greatest(session.auth_time, session.created_at)`)} as "authTime",
      ${wholeSeconds(sql`now()`)} as "issuedAt", ${wholeSeconds(sql`whitelisted.expires_at`)} as "endsAt",
      session.remember, session.user_agent as "userAgent", session.ip,
      extract(epoch from whitelisted.expires_at - now())::float8 as "refreshExpiresInSeconds",
      not exists (select from sessions as known where known.user_id = account.id
        and known.device = ${given('device')}::jsonb) as "isNewDevice"
    from account join session on session.user_id = account.id
      join whitelisted on whitelisted.session_id = session.id`
}
