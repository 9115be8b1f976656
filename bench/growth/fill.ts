import postgres from 'postgres'
import { argon2id } from '../../src/domain/passwords/argon2id.js'
import { PASSWORD, USER_AGENT } from '../service/seed.js'

/** How many sessions expired so long ago that the clean-up deletes them. */
export const EXPIRED_SESSIONS = 10_000
/** So many users have one session in each half of the table. */
export const usersFor = (sessions: number): number => sessions / 2

/** The sessions began evenly spread over this time; the expired ones in the ten days before it, and a day of grace. */
const LIVE_DAYS = 29
const EXPIRED_DAYS = 10
const DAY_MS = 86_400_000

/** A prime, so that `n * STRIDE % users` names each user once, in no order. */
const STRIDE = 15_485_863

/**
 * Fills the tables with so many live sessions, and with {@link EXPIRED_SESSIONS} older ones: by statements on the server,
 * because ten million rows take too long over the network. The rows are written in the order of time, as the service writes
 * them, and the indexes grow with them. So a user's sessions are far apart, and the index of the users is written in no
 * order. Nobody has the tokens of these sessions; {@link file://./load-sessions.ts} gives tokens to some.
 */
export async function fill(databaseUrl: string, sessions: number): Promise<void> {
  // The rows refer to each other as they should; checking it row by row would take most of the time.
  const open = () =>
    postgres(databaseUrl, { max: 1, onnotice: () => {}, connection: { session_replication_role: 'replica' } })
  const [first, second] = [open(), open()]
  try {
    // One password for all. No random part: it does not matter here that the hashes are the same.
    const passwordHash = argon2id.hashSync(PASSWORD)
    await first.unsafe(FUNCTIONS(sessions))
    await Promise.all([
      first.unsafe(sessionsOf(sessions)),
      second.unsafe(refreshTokensOf(sessions)).then(() => second.unsafe(usersOf(sessions, passwordHash))),
    ])
    await Promise.all([
      first.unsafe('vacuum analyze sessions'),
      second.unsafe('vacuum analyze refresh_tokens').then(() => second.unsafe('vacuum analyze users')),
    ])
    await first`checkpoint`
  } finally {
    await Promise.all([first.end(), second.end()])
  }
}

/** The ids of the rows, by their numbers. Live sessions count from 0, expired ones down from -1. */
const FUNCTIONS = (sessions: number) => `
  create function growth_began(n int) returns timestamptz language sql immutable as $$
    select to_timestamp((case when n >= 0
      then ${Date.now() - LIVE_DAYS * DAY_MS} + n * ${(LIVE_DAYS * DAY_MS) / sessions}::float8
      else ${Date.now() - (LIVE_DAYS + 3) * DAY_MS} + n * ${(EXPIRED_DAYS * DAY_MS) / EXPIRED_SESSIONS}::float8
    end) / 1000) $$;
  create function growth_user(n int) returns uuid language sql immutable as $$
    select (lpad(to_hex(${Date.now() - 60 * DAY_MS} + n::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3)
      || '8' || substr(md5(n::text), 4, 15))::uuid $$;
  create function growth_email(n int) returns text language sql immutable as $$
    select substr(md5(n::text), 20, 10) || n || '@example.com' $$;
  create function growth_user_of(n int) returns uuid language sql immutable as $$
    select growth_user((abs(n)::bigint % ${usersFor(sessions)} * ${STRIDE} % ${usersFor(sessions)})::int) $$;
  create function growth_session(n int) returns uuid language sql immutable as $$
    select (lpad(to_hex(floor(extract(epoch from growth_began(n)) * 1000)::bigint), 12, '0')
      || '7' || substr(encode(sha256(uuid_send(growth_user_of(n))), 'hex'), 1, 3)
      || '8' || substr(md5('session ' || n), 1, 15))::uuid $$`

const usersOf = (sessions: number, passwordHash: string) => `
  insert into users (id, email, password_hash, created_at, updated_at)
  select growth_user(n), growth_email(n), '${passwordHash}', now(), now()
  from generate_series(0, ${usersFor(sessions) - 1}) n`

/** Most were refreshed before, so they have a previous hash. */
const refreshTokensOf = (sessions: number) => `
  insert into refresh_tokens (session_id, generation, token_hash, previous_hash, next_hash, rotated_at, expires_at,
    previous_mark_generation)
  select growth_session(n), 5, sha256(int4send(n)), sha256(int8send(n)), sha256(int8send(-n)), growth_began(n),
    case when n >= 0 then now() + interval '7 days' else growth_began(n) + interval '7 days' end, 5
  from generate_series(${-EXPIRED_SESSIONS}, ${sessions - 1}) n`

const sessionsOf = (sessions: number) => `
  insert into sessions (id, user_id, token_version, client_id, created_at, expires_at, auth_time, device, user_agent, ip,
    transport, auth_methods)
  select growth_session(n), growth_user_of(n), 0, 'latchkey', growth_began(n), growth_began(n) + interval '30 days',
    growth_began(n), '{"browser": "Firefox", "os": "Linux", "kind": "desktop"}', '${USER_AGENT}', '127.0.0.1', 'body', '{pwd}'
  from generate_series(${-EXPIRED_SESSIONS}, ${sessions - 1}) n`
