import { type SQL, sql } from 'drizzle-orm'
import type {
  ConfirmationOutcome,
  RegisteredConnection,
  RenewedConnection,
  VerifierStore,
} from '../revocations/feed/verifier-store.js'
import { hotSql, type Runner } from './pool/connections.js'
import { SERVER_START } from './server-start.js'

export type Verifiers = ReturnType<typeof verifiersRepository>

/**
 * The verifiers that follow the feed, and what they have applied (docs/adr/0021-receipts.md). Each statement takes many
 * rows, as one JSON parameter, and locks them in the order of their ids.
 */
export function verifiersRepository(runner: Runner) {
  return {
    async register(connections, leaseSeconds) {
      const rows = await runner.hot(register, { given: JSON.stringify(connections), leaseSeconds })
      // Joins return rows in any order.
      const byConnection = new Map(rows.map(row => [row.connectionId, row]))
      return connections.map(({ connectionId }) => byConnection.get(connectionId)!)
    },
    renew: (connections, leaseSeconds) =>
      runner.hot(renew, { given: JSON.stringify(connections), leaseSeconds, silenceSeconds: SILENCE_SECONDS }),
    async release(connections, marginSeconds) {
      await runner.hot(release, { given: JSON.stringify(connections), marginSeconds })
    },
    async confirm(confirmations) {
      const given = confirmations.map((confirmation, place) => ({ ...confirmation, place }))
      const rows = await runner.hot(confirm, { given: JSON.stringify(given) })
      return rows.map(({ outcome }) => outcome)
    },

    /** Deletes verifiers that have closed, or that have not been live for an hour; returns their number. */
    async removeExpired(limit: number): Promise<number> {
      const removed = await runner.run(executor =>
        executor.execute(sql`
          delete from verifiers where id in (
            select id from verifiers where connection_id is null or live_until < now() - interval '1 hour'
            order by id limit ${limit} for update skip locked)`),
      )
      return removed.count
    },
  } satisfies VerifierStore & { removeExpired(limit: number): Promise<number> }
}

/**
 * How many verifiers of one client can be live. Receipts wait for each of them, so that one client could hold up all of
 * them for long.
 */
export const MOST_LIVE_PER_CLIENT = 10_000

/** A verifier confirms its position every ten seconds at least. */
const SILENCE_SECONDS = 45

/**
 * The client's row is locked first, as the lock order requires. If it does not exist, a new connection is refused; one
 * that was open before stays registered without a client, because its verifier still verifies. A client that has many
 * live verifiers gets no further ones; instances that register at the same moment can exceed the limit a little.
 */
const register = hotSql<{ given: string; leaseSeconds: number }, RegisteredConnection>(
  'register_verifiers',
  sql`
    with given as (
      select * from json_to_recordset(${sql.placeholder('given')}::json) as given ("verifierId" uuid, "clientId" uuid,
        name text, instance text, "connectionId" uuid, "maxStalenessSeconds" int, "ageSeconds" float8)
    ), client as (
      select id from clients where id in (select "clientId" from given) order by id for key share
    ), live as (
      select id, client_id from verifiers
      where client_id in (select "clientId" from given) and connection_id is not null and live_until > now()
    ), judged as (
      select given.*, "ageSeconds" > 0 or live.id is not null
        or coalesce(taken.places, 0) + row_number() over (
          partition by "clientId", "ageSeconds" > 0 or live.id is not null order by "verifierId"
        ) <= ${sql.raw(String(MOST_LIVE_PER_CLIENT))} as "hasPlace"
      from given left join live on live.id = "verifierId" and live.client_id = "clientId"
        left join (select client_id, count(*) as places from live group by client_id) as taken
          on taken.client_id = "clientId"
    ), registered as (
      insert into verifiers (id, client_id, name, instance, connection_id, server_start, max_staleness_seconds,
        connected_at, live_until)
      select "verifierId", client.id, name, instance, "connectionId", ${SERVER_START}, "maxStalenessSeconds",
        now() - make_interval(secs => "ageSeconds"),
        now() + make_interval(secs => "maxStalenessSeconds" + ${sql.placeholder('leaseSeconds')}::int)
      from judged left join client on client.id = "clientId"
      where (client.id is not null or "ageSeconds" > 0) and "hasPlace"
      order by "verifierId"
      on conflict (id) do update set client_id = excluded.client_id, name = excluded.name, instance = excluded.instance,
        connection_id = excluded.connection_id, server_start = excluded.server_start,
        max_staleness_seconds = excluded.max_staleness_seconds, connected_at = excluded.connected_at,
        disconnected_at = null, live_until = greatest(verifiers.live_until, excluded.live_until),
        earlier_until = case
          when verifiers.disconnected_at is null and verifiers.connection_id <> excluded.connection_id
          then greatest(verifiers.earlier_until, verifiers.live_until) else verifiers.earlier_until
        end
      where verifiers.client_id is not distinct from excluded.client_id and (excluded.connected_at = now()
        or verifiers.connected_at <= excluded.connected_at or verifiers.server_start <> excluded.server_start)
      returning id, xmax = 0 as "isNew"
    )
    select ${SERVER_START} as "serverStart", "connectionId", registered.id is not null as "isRegistered",
      client.id is not null as "hasClient", "hasPlace", coalesce("isNew", false) as "isNew"
    from judged left join registered on registered.id = "verifierId" left join client on client.id = "clientId"`,
)

const renew = hotSql<{ given: string; leaseSeconds: number; silenceSeconds: number }, RenewedConnection>(
  'renew_verifiers',
  sql`
    with given as (
      select * from json_to_recordset(${sql.placeholder('given')}::json) as given ("verifierId" uuid, "connectionId" uuid)
    ), held as (
      select id, connection_id, server_start = ${SERVER_START} as "isOfServer",
        greatest(confirmed_at, connected_at) < now() - make_interval(secs => ${sql.placeholder('silenceSeconds')}::int) as "isSilent"
      from verifiers where id in (select "verifierId" from given) order by id for no key update
    ), renewed as (
      update verifiers
      set live_until = now() + make_interval(secs => max_staleness_seconds + ${sql.placeholder('leaseSeconds')}::int)
      from held join given on "verifierId" = held.id and "connectionId" = held.connection_id
      where verifiers.id = held.id and held."isOfServer" and disconnected_at is null and live_until > clock_timestamp()
      returning verifiers.connection_id
    )
    select ${SERVER_START} as "serverStart", "connectionId", renewed.connection_id is not null as "isRenewed",
      coalesce(held."isSilent", false) as "isSilent"
    from given left join held on held.id = "verifierId" left join renewed on renewed.connection_id = "connectionId"`,
)

const release = hotSql<{ given: string; marginSeconds: number }, never>(
  'release_verifiers',
  sql`
    with given as (
      select * from json_to_recordset(${sql.placeholder('given')}::json) as given ("connectionId" uuid, "hasNoList" boolean)
    ), held as (
      select id, "hasNoList" and confirmed is null as "hasNoList"
      from verifiers join given on "connectionId" = connection_id
      where disconnected_at is null
      order by id for no key update of verifiers
    ), removed as (
      delete from verifiers using held where verifiers.id = held.id and "hasNoList"
    )
    update verifiers set disconnected_at = now(), live_until = least(live_until, greatest(earlier_until,
      now() + make_interval(secs => max_staleness_seconds + ${sql.placeholder('marginSeconds')}::int)))
    from held where verifiers.id = held.id and not "hasNoList"`,
)

/** How much a snapshot sees. Those of one server contain each other: with the same end, the later has fewer open. */
function extentOf(snapshot: SQL): SQL {
  return sql`(pg_snapshot_xmax(${snapshot}), -(select count(*) from pg_snapshot_xip(${snapshot})))`
}

const isAhead = sql`judged.snapshot is not null and (confirmed is null
  or confirmed_server_start is distinct from judged."serverStart"
  or ${extentOf(sql`judged.snapshot`)} > ${extentOf(sql`confirmed`)})`

/**
 * A position never moves backwards. It must be one that the server can have given already: no transaction that is open
 * now was over then. So a client that confirms what it did not receive can at most claim what is committed. A position of
 * another server says nothing.
 */
const confirm = hotSql<{ given: string }, { outcome: ConfirmationOutcome }>(
  'confirm_verifiers',
  sql`
    with given as (
      select * from json_to_recordset(${sql.placeholder('given')}::json) as given (place int, "verifierId" uuid,
        "clientId" uuid, "serverStart" text, snapshot pg_snapshot, "isClosing" boolean)
    ), held as (
      select id, client_id from verifiers where id in (select "verifierId" from given) order by id for no key update
    ), judged as (
      select place, "verifierId", "serverStart", "isClosing",
        case when "serverStart" = ${SERVER_START} then snapshot end as snapshot,
        case
          when held.id is null then 'unknown'
          when held.client_id is distinct from "clientId" then 'taken'
          when "serverStart" = ${SERVER_START} and (pg_snapshot_xmax(snapshot) > pg_snapshot_xmax(pg_current_snapshot())
            or exists (select from pg_snapshot_xip(pg_current_snapshot()) as open (xid)
              where pg_visible_in_snapshot(open.xid, snapshot))) then 'impossible'
          else 'accepted'
        end as outcome
      from given left join held on held.id = "verifierId"
    ), accepted as (
      update verifiers set
        confirmed = case when ${isAhead} then judged.snapshot else confirmed end,
        confirmed_server_start = case when ${isAhead} then judged."serverStart" else confirmed_server_start end,
        confirmed_at = case when judged.snapshot is not null then now() else confirmed_at end,
        connection_id = case when not "isClosing" then connection_id end,
        disconnected_at = case when "isClosing" then now() else disconnected_at end,
        live_until = case when "isClosing" then least(live_until, now()) else live_until end
      from judged where id = "verifierId" and outcome = 'accepted'
    )
    select outcome from judged order by place`,
)
