import { postgresUrl } from '../postgres-url.js'
import { redisUrl } from '../redis-url.js'
import type { SettingTree } from '../setting.js'
import { certificateFile, durationMs, integer, onOff, text } from '../value-kinds.js'

/** Any characters, as they are: nothing is percent-encoded. */
const passwordText = text('a password of one line', /^[^\0\r\n]+$/)

export const storeSettings = {
  database: {
    url: {
      variable: 'DATABASE_URL',
      externalOnly: true,
      kind: postgresUrl,
      secret: true,
      description:
        'The address of Postgres 15 to 18, as your provider gives it ([TLS and ' +
        'parameters](#store-addresses)). For the embedded mode, leave this and `REDIS_URL` unset.',
    },
    migrationUrl: {
      variable: 'DATABASE_MIGRATION_URL',
      externalOnly: true,
      kind: postgresUrl,
      secret: true,
      defaultText: 'the same as `DATABASE_URL`',
      description:
        'The same database with a role that can change tables, so that the service itself can run with fewer ' +
        'rights.',
    },
    password: {
      variable: 'DATABASE_PASSWORD',
      externalOnly: true,
      kind: passwordText,
      secret: true,
      description:
        'The password for `DATABASE_URL`, if it is not part of the address. It can contain any characters and is not ' +
        'percent-encoded.',
    },
    migrationPassword: {
      variable: 'DATABASE_MIGRATION_PASSWORD',
      externalOnly: true,
      kind: passwordText,
      secret: true,
      description: 'The password for `DATABASE_MIGRATION_URL`, if it is not part of the address.',
    },
    poolSize: {
      variable: 'DATABASE_POOL_SIZE',
      kind: integer(1, 200),
      default: '10',
      description:
        'The number of connections to Postgres that each instance opens for requests. One more reads the ' +
        'revocation journal.',
    },
    prepare: {
      variable: 'DATABASE_PREPARE',
      kind: onOff,
      default: 'on',
      description:
        'Whether to use prepared statements and session settings. PgBouncer is detected and needs ' +
        'no change here or in PgBouncer. Turn this off behind any other pooler in transaction mode.',
    },
    caFile: {
      variable: 'DATABASE_CA_FILE',
      externalOnly: true,
      kind: certificateFile,
      description:
        'The certificate authority for Postgres. If set, Latchkey connects by TLS and accepts only certificates ' +
        'that this authority issued for the host (with `sslmode=verify-ca`: for any host).',
    },
    timeoutMs: {
      variable: 'DATABASE_TIMEOUT',
      kind: durationMs('100ms', '60s'),
      default: '5s',
      description: 'How long one statement can take, including the time to connect. Then the request fails with 503.',
    },
    migrateOnStart: {
      variable: 'MIGRATE_ON_START',
      kind: onOff,
      default: 'on',
      description:
        'Whether an instance migrates the tables when it starts. If off, run `latchkey migrate` before each ' +
        'upgrade.',
    },
  },
  redis: {
    url: {
      variable: 'REDIS_URL',
      externalOnly: true,
      kind: redisUrl,
      secret: true,
      description:
        'The address of Redis 7 or newer, or Valkey 8, with `maxmemory-policy noeviction`. `rediss://` connects by TLS.',
    },
    password: {
      variable: 'REDIS_PASSWORD',
      externalOnly: true,
      kind: passwordText,
      secret: true,
      description:
        'The password for `REDIS_URL`, if it is not part of the address. It can contain any characters and is not ' +
        'percent-encoded.',
    },
    caFile: {
      variable: 'REDIS_CA_FILE',
      externalOnly: true,
      kind: certificateFile,
      description:
        'The certificate authority for Redis and its Sentinels. With `rediss://`, only certificates of this ' +
        'authority are accepted.',
    },
    cluster: {
      variable: 'REDIS_CLUSTER',
      externalOnly: true,
      kind: onOff,
      default: 'off',
      description:
        'Whether `REDIS_URL` is the address of a Redis Cluster: any of its nodes, or a name that resolves to all ' +
        'of them.',
    },
    sentinel: {
      master: {
        variable: 'REDIS_SENTINEL_MASTER',
        externalOnly: true,
        kind: text('a name without spaces', /^[!-~]{1,200}$/),
        description:
          'The name of the master that the [Sentinels](#redis-sentinel) monitor. `REDIS_URL` then holds the ' +
          'addresses of the Sentinels, and the user and password of Redis itself.',
      },
      username: {
        variable: 'REDIS_SENTINEL_USERNAME',
        externalOnly: true,
        kind: text('a name without spaces', /^[!-~]{1,200}$/),
        description: 'The user of the Sentinels, if it is not `default`.',
      },
      password: {
        variable: 'REDIS_SENTINEL_PASSWORD',
        externalOnly: true,
        kind: passwordText,
        secret: true,
        description:
          'The password of the Sentinels, if they require one. The password of Redis itself is in `REDIS_URL` or ' +
          '`REDIS_PASSWORD`.',
      },
      tls: {
        variable: 'REDIS_SENTINEL_TLS',
        externalOnly: true,
        kind: onOff,
        defaultText: 'on with `rediss://`, off with `redis://`',
        description: 'Whether to connect to the Sentinels by TLS. For Redis itself, `REDIS_URL` decides this.',
      },
    },
    keyPrefix: {
      variable: 'REDIS_KEY_PREFIX',
      kind: text('1 to 64 letters, digits or . _ : -', /^[A-Za-z0-9._:-]{1,64}$/),
      default: 'lk1',
      description: 'The prefix of every key. Two deployments that share a Redis need different prefixes.',
    },
  },
} as const satisfies SettingTree
