import postgres from 'postgres'
import { deriveSecrets } from '../../src/domain/keys/secrets.js'
import { argon2id } from '../../src/domain/passwords/argon2id.js'
import { firstRefreshToken, hashOf, successorOf, writeRefreshToken } from '../../src/domain/tokens/refresh-token.js'
import { newId, newSessionId } from '../../src/lib/ids.js'
import { SECRETS } from './start.js'

export const PASSWORD = 'a passphrase nobody would guess'

export interface SeededUser {
  id: string
  email: string
}

export interface SeededSession {
  id: string
  user: SeededUser
  refreshToken: string
}

/** Writes users and sessions into the tables of the service: signing in would take as long as hashing a password. */
export interface Seeds {
  addUsers(count: number): Promise<SeededUser[]>
  /** So many sessions of each user, those of a user one after the other. */
  addSessions(users: readonly SeededUser[], eachHas: number): Promise<SeededSession[]>
  addRevocations(count: number): Promise<void>
  /** So that the planner knows the tables. */
  analyze(): Promise<void>
  close(): Promise<void>
}

const BATCH = 10_000

export function openSeeds(databaseUrl: string): Seeds {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  const { refreshKeys } = deriveSecrets({
    jwtSecrets: [SECRETS.JWT_SECRET],
    refreshSecrets: [SECRETS.JWT_REFRESH_SECRET],
  })
  const [key] = refreshKeys
  // All have the same password, so one hash serves them all.
  const passwordHash = argon2id.hashSync(PASSWORD)
  let users = 0
  return {
    async addUsers(count) {
      const added = Array.from({ length: count }, () => ({ id: newId(), email: `person-${users++}@example.com` }))
      await inBatches(added, async batch => {
        await sql`
          insert into users (id, email, password_hash)
          select id, email, ${passwordHash} from jsonb_to_recordset(${sql.json(batch)}) as given (id uuid, email text)`
      })
      return added
    },

    async addSessions(users, eachHas) {
      const sessions: SeededSession[] = []
      const rows: { id: string; user_id: string; token_hash: string; next_hash: string }[] = []
      for (const user of users)
        for (let at = 0; at < eachHas; at++) {
          const id = newSessionId(user.id)
          const token = firstRefreshToken(id, key)
          const hex = (hash: Buffer) => hash.toString('hex')
          const hashes = { token_hash: hex(hashOf(token)), next_hash: hex(hashOf(successorOf(token, key))) }
          sessions.push({ id, user, refreshToken: writeRefreshToken(token) })
          rows.push({ id, user_id: user.id, ...hashes })
        }
      await inBatches(rows, async batch => {
        const json = sql.json(batch)
        await sql.begin(async sql => {
          await sql`
            insert into sessions (id, user_id, token_version, client_id, expires_at, device, user_agent, ip, transport, auth_methods)
            select id, user_id, 0, 'latchkey', now() + interval '30 days',
              '{"browser": "Firefox", "os": "Linux", "kind": "desktop"}', ${USER_AGENT}, '127.0.0.1', 'body', '{pwd}'
            from jsonb_to_recordset(${json}) as given (id uuid, user_id uuid)`
          await sql`
            insert into refresh_tokens (session_id, generation, token_hash, next_hash, rotated_at, expires_at)
            select id, 0, decode(token_hash, 'hex'), decode(next_hash, 'hex'), now(), now() + interval '7 days'
            from jsonb_to_recordset(${json}) as given (id uuid, token_hash text, next_hash text)`
        })
      })
      return sessions
    },

    async addRevocations(count) {
      await sql`
        insert into revocations (kind, subject, reason, expires_at)
        select 'session', gen_random_uuid(), 'logout', now() + interval '2 hours' from generate_series(1, ${count})`
    },

    async analyze() {
      await sql`vacuum analyze`
    },

    close: () => sql.end(),
  }
}

/** What the load generator sends, so that no refresh finds another browser than the sign-in. */
export const USER_AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

async function inBatches<Row>(rows: readonly Row[], add: (batch: Row[]) => Promise<void>): Promise<void> {
  for (let from = 0; from < rows.length; from += BATCH) await add(rows.slice(from, from + BATCH))
}
