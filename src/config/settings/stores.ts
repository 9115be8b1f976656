import { certificateFile, durationMs, integer, onOff, text } from '../kinds.js'
import { postgresUrl } from '../postgres-url.js'
import { redisUrl } from '../redis-url.js'
import type { SettingTree } from '../setting.js'

export const storeSettings = {
  database: {
    url: {
      variable: 'DATABASE_URL',
      externalOnly: true,
      kind: postgresUrl,
      secret: true,
      description:
        'Postgres 15 to 18, in the form that your provider gives ([TLS and parameters](#the-addresses-of-the-stores)). ' +
        'Leave it and `REDIS_URL` unset for the embedded mode.',
    },
    migrationUrl: {
      variable: 'DATABASE_MIGRATION_URL',
      externalOnly: true,
      kind: postgresUrl,
      secret: true,
      defaultText: 'the same as `DATABASE_URL`',
      description:
        'The database under a role that may change tables, so that the service itself can run with fewer rights.',
    },
    poolSize: {
      variable: 'DATABASE_POOL_SIZE',
      kind: integer(1, 200),
      default: '10',
      description:
        'Connections to Postgres that each instance opens for requests; one more reads the journal of revocations.',
    },
    prepare: {
      variable: 'DATABASE_PREPARE',
      kind: onOff,
      default: 'on',
      description:
        'Prepared statements, and settings for a whole connection. PgBouncer is noticed, and needs no change here or there; ' +
        'turn this off behind any other pooler in transaction mode.',
    },
    caFile: {
      variable: 'DATABASE_CA_FILE',
      externalOnly: true,
      kind: certificateFile,
      description:
        'Connect to Postgres by TLS and accept only certificates of this authority, made for the host (with ' +
        '`sslmode=verify-ca`: for any host).',
    },
    timeoutMs: {
      variable: 'DATABASE_TIMEOUT',
      kind: durationMs('100ms', '60s'),
      default: '5s',
      description: 'How long one statement may take, connecting included, before the request fails with 503.',
    },
    migrateOnStart: {
      variable: 'MIGRATE_ON_START',
      kind: onOff,
      default: 'on',
      description:
        'Whether a starting instance brings the tables up to date. If off, run `latchkey migrate` before each upgrade.',
    },
  },
  redis: {
    url: {
      variable: 'REDIS_URL',
      externalOnly: true,
      kind: redisUrl,
      secret: true,
      description: 'Redis 7 or newer, with `maxmemory-policy noeviction`; `rediss://` connects by TLS.',
    },
    caFile: {
      variable: 'REDIS_CA_FILE',
      externalOnly: true,
      kind: certificateFile,
      description: 'With `rediss://`: accept only certificates of this authority, of Sentinels too.',
    },
    cluster: {
      variable: 'REDIS_CLUSTER',
      externalOnly: true,
      kind: onOff,
      default: 'off',
      description: 'Whether `REDIS_URL` leads to a Redis Cluster: any node of it, or a name for all of them.',
    },
    sentinel: {
      master: {
        variable: 'REDIS_SENTINEL_MASTER',
        externalOnly: true,
        kind: text('a name without spaces', /^[!-~]{1,200}$/),
        description:
          'The name under which [Sentinels](#redis-sentinel) watch a Redis. `REDIS_URL` then holds the addresses of the ' +
          'Sentinels, and the user and password of Redis itself.',
      },
      username: {
        variable: 'REDIS_SENTINEL_USERNAME',
        externalOnly: true,
        kind: text('a name without spaces', /^[!-~]{1,200}$/),
        description: 'The user of the Sentinels, if it is another than `default`.',
      },
      password: {
        variable: 'REDIS_SENTINEL_PASSWORD',
        externalOnly: true,
        kind: text('a password', /^.+$/s),
        secret: true,
        description: 'The password of the Sentinels, if they want one. That of Redis itself is in `REDIS_URL`.',
      },
      tls: {
        variable: 'REDIS_SENTINEL_TLS',
        externalOnly: true,
        kind: onOff,
        defaultText: 'on with `rediss://`, off with `redis://`',
        description: 'Whether Sentinels are reached by TLS; whether Redis itself is, `REDIS_URL` says.',
      },
    },
    keyPrefix: {
      variable: 'REDIS_KEY_PREFIX',
      kind: text('1 to 64 letters, digits or . _ : -', /^[A-Za-z0-9._:-]{1,64}$/),
      default: 'lk1',
      description: 'How every key begins. Two deployments that share a Redis need different ones.',
    },
  },
} as const satisfies SettingTree
