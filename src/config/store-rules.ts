import { readPostgresUrl } from './postgres-url.js'
import type { SettingName, Values } from './read-settings.js'
import { readRedisUrl } from './redis-url.js'

export interface Rule {
  /** The settings it compares. The rule is skipped if one of them is invalid itself. */
  settings: readonly SettingName[]
  isBroken(values: Values): boolean
  problem: string
}

/** Rules that involve more than one setting of the stores. */
export const storeRules: readonly Rule[] = [
  {
    settings: ['REDIS_CLUSTER', 'REDIS_URL'],
    isBroken: v => v.REDIS_CLUSTER && v.REDIS_URL !== undefined && readRedisUrl(v.REDIS_URL).db !== 0,
    problem:
      'REDIS_URL contains a database number, but a Redis Cluster has none: remove the number, or unset REDIS_CLUSTER.',
  },
  {
    settings: ['REDIS_CLUSTER', 'REDIS_SENTINEL_MASTER', 'REDIS_URL'],
    isBroken: v =>
      !v.REDIS_CLUSTER &&
      v.REDIS_SENTINEL_MASTER === undefined &&
      v.REDIS_URL !== undefined &&
      readRedisUrl(v.REDIS_URL).places.length > 1,
    problem:
      'REDIS_URL contains several servers: set REDIS_CLUSTER=on if they are a Redis Cluster, set REDIS_SENTINEL_MASTER ' +
      'to the name of the master if they are Sentinels, or keep one server.',
  },
  ...passwordRules(),
  ...sentinelRules(),
  ...(['DATABASE_URL', 'DATABASE_MIGRATION_URL'] as const).flatMap(certificateAuthorityRules),
]

/** A password is either in the address or in its own setting. */
function passwordRules(): Rule[] {
  const pairs = [
    { url: 'DATABASE_URL', password: 'DATABASE_PASSWORD', read: readPostgresUrl },
    { url: 'DATABASE_MIGRATION_URL', password: 'DATABASE_MIGRATION_PASSWORD', read: readPostgresUrl },
    { url: 'REDIS_URL', password: 'REDIS_PASSWORD', read: readRedisUrl },
  ] as const
  const isUserAlone = (username: string | undefined) => username !== undefined && username !== 'default'
  return [
    ...pairs.map(
      ({ url, password, read }): Rule => ({
        settings: [url, password],
        isBroken: v => v[password] !== undefined && v[url] !== undefined && read(v[url]).password !== undefined,
        problem: `${url} contains a password, and ${password} is set too: remove one of them.`,
      }),
    ),
    {
      settings: ['DATABASE_MIGRATION_URL', 'DATABASE_MIGRATION_PASSWORD'],
      isBroken: v => v.DATABASE_MIGRATION_PASSWORD !== undefined && v.DATABASE_MIGRATION_URL === undefined,
      problem:
        'DATABASE_MIGRATION_PASSWORD is set without DATABASE_MIGRATION_URL: set both, or unset ' +
        'DATABASE_MIGRATION_PASSWORD.',
    },
    {
      settings: ['REDIS_URL', 'REDIS_PASSWORD'],
      isBroken: v => {
        if (v.REDIS_URL === undefined || v.REDIS_PASSWORD !== undefined) return false
        const { username, password } = readRedisUrl(v.REDIS_URL)
        return isUserAlone(username) && password === undefined
      },
      problem:
        'REDIS_URL has a user without a password: add the password, set REDIS_PASSWORD, or write only a password as ' +
        'redis://:password@host.',
    },
  ]
}

/** The sslmode of a Postgres address must fit the file of the certificate authority. */
function certificateAuthorityRules(name: 'DATABASE_URL' | 'DATABASE_MIGRATION_URL'): Rule[] {
  const hasMode = (values: Values, sslmode: string) =>
    values[name] !== undefined && readPostgresUrl(values[name]).sslmode === sslmode
  return [
    {
      settings: [name, 'DATABASE_CA_FILE'],
      isBroken: v => hasMode(v, 'disable') && v.DATABASE_CA_FILE !== undefined,
      problem: `${name} has sslmode=disable, but DATABASE_CA_FILE is set: remove one of them.`,
    },
    {
      settings: [name, 'DATABASE_CA_FILE'],
      isBroken: v => hasMode(v, 'verify-ca') && v.DATABASE_CA_FILE === undefined && !readPostgresUrl(v[name]!).caFile,
      problem: `${name} has sslmode=verify-ca without a certificate authority: set DATABASE_CA_FILE, or use verify-full.`,
    },
  ]
}

function sentinelRules(): Rule[] {
  const needsMaster = (['REDIS_SENTINEL_USERNAME', 'REDIS_SENTINEL_PASSWORD', 'REDIS_SENTINEL_TLS'] as const).map(
    (name): Rule => ({
      settings: [name, 'REDIS_SENTINEL_MASTER'],
      isBroken: v => v[name] !== undefined && v.REDIS_SENTINEL_MASTER === undefined,
      problem: `${name} is set without REDIS_SENTINEL_MASTER: set both, or unset ${name}.`,
    }),
  )
  return [
    ...needsMaster,
    {
      settings: ['REDIS_SENTINEL_USERNAME', 'REDIS_SENTINEL_PASSWORD'],
      isBroken: v => v.REDIS_SENTINEL_USERNAME !== undefined && v.REDIS_SENTINEL_PASSWORD === undefined,
      problem: 'REDIS_SENTINEL_USERNAME is set without REDIS_SENTINEL_PASSWORD: set both, or only the password.',
    },
    {
      settings: ['REDIS_SENTINEL_MASTER', 'REDIS_CLUSTER'],
      isBroken: v => v.REDIS_SENTINEL_MASTER !== undefined && v.REDIS_CLUSTER,
      problem: 'REDIS_SENTINEL_MASTER and REDIS_CLUSTER are both set, but a Redis Cluster has no Sentinels: unset one.',
    },
    {
      settings: ['REDIS_SENTINEL_MASTER', 'REDIS_URL'],
      isBroken: v =>
        v.REDIS_SENTINEL_MASTER !== undefined &&
        v.REDIS_URL !== undefined &&
        readRedisUrl(v.REDIS_URL).socket !== undefined,
      problem:
        'REDIS_URL is the address of a socket, but Sentinels have hosts: write redis://sentinel:26379, or unset ' +
        'REDIS_SENTINEL_MASTER.',
    },
  ]
}
