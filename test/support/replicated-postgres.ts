import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type ControlledPostgres, type ControlledPostgresOptions, controlPostgres } from './controlled-postgres.js'
import { until } from './eventually.js'
import { findFreePort } from './free-port.js'
import { query } from './servers/query.js'

/** A primary and a hot standby that follows it by streaming replication. Their ports stay the same. */
export interface ReplicatedPostgres {
  primary: ControlledPostgres
  standby: ControlledPostgres
  /** An address of both, the primary first. */
  url: string
  /** From now on the standby receives nothing, and knows nothing of it. */
  cutOff(): Promise<void>
  /** Makes the standby the primary, and resolves when it takes writes. */
  promote(): Promise<void>
}

export interface ReplicationOptions {
  /** Whether each commit waits until the standby has it, so that a failover loses none. */
  isSynchronous: boolean
}

const STANDBY = 'standby'
const REPLICATION_RULE = 'host replication all 127.0.0.1/32 scram-sha-256\n'
const replication = {
  wal_level: 'replica',
  max_wal_senders: '4',
  hot_standby: 'on',
  // The primary keeps what the standby has not read yet.
  wal_keep_size: '64MB',
}

/** Starts both servers, which end with the test. */
export async function startReplicatedPostgres(
  t: Test,
  { isSynchronous }: ReplicationOptions,
): Promise<ReplicatedPostgres> {
  const primary = await controlPostgres(t, { port: await findFreePort(), settings: replication })
  await appendFile(join(primary.data, 'pg_hba.conf'), REPLICATION_RULE)
  // A copy of a server that was stopped is what pg_basebackup makes of one that runs.
  await primary.stop()
  const standby = await primary.copy(await optionsOfStandby(primary.url))
  await primary.start()
  await writeFile(join(standby.data, 'standby.signal'), '')
  await standby.start()
  const state = isSynchronous ? 'sync' : 'async'
  // As it is set after the copy was made, the standby does not wait for another one when it is the primary.
  if (isSynchronous) {
    await query(primary.url, `alter system set synchronous_standby_names = '${STANDBY}'`)
    await query(primary.url, 'select pg_reload_conf()')
  }
  await until(async () => {
    const [row] = await query(primary.url, 'select sync_state, state from pg_stat_replication')
    return row?.sync_state === state && row.state === 'streaming'
  }, 'the standby follows the primary')

  const [first, second] = [new URL(primary.url), new URL(standby.url)]
  return {
    primary,
    standby,
    url: `postgres://${first.username}:${first.password}@${first.host},${second.host}${first.pathname}`,
    async cutOff() {
      const file = join(primary.data, 'pg_hba.conf')
      await writeFile(file, (await readFile(file, 'utf8')).replace(REPLICATION_RULE, ''))
      await query(primary.url, 'select pg_reload_conf()')
      await query(primary.url, 'select pg_terminate_backend(pid) from pg_stat_replication')
      await until(async () => (await query(primary.url, 'select 1 from pg_stat_replication')).length === 0)
    },
    async promote() {
      await query(standby.url, 'select pg_promote(true)')
    },
  }
}

async function optionsOfStandby(primaryUrl: string): Promise<ControlledPostgresOptions> {
  const { hostname, port, username, password } = new URL(primaryUrl)
  const follows = { host: hostname, port, user: username, password, application_name: STANDBY }
  const written = Object.entries(follows).map(([name, value]) => `${name}=${value}`)
  return { port: await findFreePort(), settings: { ...replication, primary_conninfo: written.join(' ') } }
}
