import { sql } from 'drizzle-orm'
import { createTickBatches } from '../lib/tick-batches.js'
import { isLive } from './is-live.js'
import { hotSql, type Runner } from './pool/connections.js'
import { sessions } from './schema/sessions.js'
import { type SessionFacts, sessionFacts } from './session-facts.js'

/** The presented token, its two successors, and the conditions of a rotation. */
export interface Rotation {
  sessionId: string
  /** The generation of the presented token. */
  generation: number
  presentedHash: Buffer
  /** The mark that was presented with the token. */
  mark: number | null
  successorHash: Buffer
  /** The hash of the successor's successor. */
  nextHash: Buffer
  /**
   * Whether the whitelist can contain another successor, because the secret that derived it is no longer configured.
   */
  anySuccessor: boolean
  /** The clients whose sessions can be refreshed. */
  clientIds: readonly string[]
  minAgeSeconds: number
  ttlSeconds: number
}

export interface Rotated extends SessionFacts {
  /**
   * The generation in the whitelist before. If it is one below the presented token's, the database had lost a commit.
   */
  previousGeneration: number
}

/** The planner would expect 100 in a JSON document of any length, so the statement contains this limit. */
const MAX_TOGETHER = 24

/**
 * Rotates refresh tokens, each if all conditions hold: rows 2 and 4 of the rotation table. Tokens that arrive in one turn of
 * the event loop share a statement and its commit, for which each of them waits (docs/adr/0026-rotations-together.md).
 *
 * @returns rotates a token. Undefined if nothing was replaced
 */
export function rotations(runner: Runner): (rotation: Rotation) => Promise<Rotated | undefined> {
  return createTickBatches<Rotation, Rotated | undefined>({
    work: given => (given.length === 1 ? [rotateAlone(runner, given[0]!)] : rotateTogether(runner, given)),
    keyOf: ({ sessionId }) => sessionId,
    maxItems: MAX_TOGETHER,
  })
}

async function rotateAlone(runner: Runner, rotation: Rotation): Promise<Rotated | undefined> {
  const [row] = await runner.hot(rotateOne, { ...rotation, clientIds: rotation.clientIds.join() })
  return row && rotatedOf(row)
}

/**
 * A row that another transaction has locked is left to a statement of its own, so that nobody waits for the lock of another
 * session, and two such statements cannot wait for each other.
 */
async function rotateTogether(runner: Runner, given: readonly Rotation[]) {
  const rows = await runner.hot(rotateMany, { rotations: JSON.stringify(given.map(sentForm)) })
  const found = new Map(rows.map(row => [row.lockedId, row]))
  return given.map(rotation => {
    const row = found.get(rotation.sessionId)
    if (row === undefined) return rotateAlone(runner, rotation)
    return row.sessionId === null ? undefined : rotatedOf(row)
  })
}

type SentRotation = Omit<Rotation, 'clientIds'> & { clientIds: string }
type RotatedRow = Omit<Rotated, 'userCreatedAt'> & { userCreatedAt: string }
/** All but `lockedId` are null if the row was not rotated. */
type TogetherRow = { lockedId: string } & (RotatedRow | { sessionId: null })

function rotatedOf(row: RotatedRow): Rotated {
  return { ...row, userCreatedAt: new Date(row.userCreatedAt) }
}

/** With bytes in the text form of `bytea`. */
function sentForm({ presentedHash, successorHash, nextHash, clientIds, ...rest }: Rotation) {
  return {
    ...rest,
    clientIds: clientIds.join(),
    presentedHash: hex(presentedHash),
    successorHash: hex(successorHash),
    nextHash: hex(nextHash),
  }
}

function hex(bytes: Buffer): string {
  return `\\x${bytes.toString('hex')}`
}

const facts = sql.join(
  Object.entries(sessionFacts).map(([name, value]) => sql`${value} as ${sql.identifier(name)}`),
  sql`, `,
)

/** Rotates what is in `given`. The previous row is joined too, because RETURNING cannot return it before Postgres 18. */
const rotateGiven = sql`
  update refresh_tokens set
    generation = given.generation + 1,
    token_hash = given."successorHash",
    previous_hash = given."presentedHash",
    previous_mark = given.mark,
    previous_mark_generation = given.generation + 1,
    next_hash = given."nextHash",
    rotated_at = now(),
    expires_at = least(now() + make_interval(secs => given."ttlSeconds"), ${sessions.expiresAt})
  from given
    join sessions on sessions.id = given."sessionId"
    join users on users.id = sessions.user_id
    join refresh_tokens as before on before.session_id = sessions.id
  where refresh_tokens.session_id = given."sessionId"
    and sessions.client_id = any(string_to_array(given."clientIds", ','))
    and (
      refresh_tokens.token_hash = given."presentedHash" and refresh_tokens.generation = given.generation
        -- Only the stored successor is accepted. So after a lost commit, the session continues with the successor that the
        -- client received.
        and (refresh_tokens.next_hash = given."successorHash" or given."anySuccessor")
        -- The first token of a session can be rotated at once, because it does not come from a rotation.
        and (refresh_tokens.generation = 0
          or refresh_tokens.rotated_at <= now() - make_interval(secs => given."minAgeSeconds"))
      or refresh_tokens.next_hash = given."presentedHash" and refresh_tokens.generation = given.generation - 1)
    and ${isLive}
  returning ${facts}, before.generation as "previousGeneration"`

const rotateOne = hotSql<SentRotation, RotatedRow>(
  'rotate_refresh_token',
  sql`
    with given as (
      select ${sql.placeholder('sessionId')}::uuid as "sessionId", ${sql.placeholder('generation')}::int as generation,
        ${sql.placeholder('presentedHash')}::bytea as "presentedHash", ${sql.placeholder('mark')}::int as mark,
        ${sql.placeholder('successorHash')}::bytea as "successorHash", ${sql.placeholder('nextHash')}::bytea as "nextHash",
        ${sql.placeholder('anySuccessor')}::boolean as "anySuccessor", ${sql.placeholder('clientIds')}::text as "clientIds",
        ${sql.placeholder('minAgeSeconds')}::float8 as "minAgeSeconds", ${sql.placeholder('ttlSeconds')}::float8 as "ttlSeconds")
    ${rotateGiven}`,
)

const rotateMany = hotSql<{ rotations: string }, TogetherRow>(
  'rotate_refresh_tokens',
  sql`
    with every as materialized (
      select * from json_to_recordset(${sql.placeholder('rotations')}::json) as every ("sessionId" uuid, generation int,
        "presentedHash" bytea, mark int, "successorHash" bytea, "nextHash" bytea, "anySuccessor" boolean, "clientIds" text,
        "minAgeSeconds" float8, "ttlSeconds" float8)
      limit ${sql.raw(String(MAX_TOGETHER))}),
    given as materialized (
      select every.* from every join refresh_tokens on refresh_tokens.session_id = every."sessionId"
      for update of refresh_tokens skip locked),
    rotated as (${rotateGiven})
    select given."sessionId" as "lockedId", rotated.* from given left join rotated using ("sessionId")`,
)
