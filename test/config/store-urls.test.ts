import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../src/config/config.js'
import { readPostgresUrl } from '../../src/config/postgres-url.js'
import { readRedisUrl } from '../../src/config/redis-url.js'
import { problemsOf, production } from './environments.js'

t.test('Postgres addresses are accepted in the form that each provider gives', async t => {
  const at = (host: string, port = 5432) => ({ places: [{ host, port }] })
  const owner = { user: 'u', password: 'p' }
  const cases: [provider: string, url: string, read: object][] = [
    [
      'Neon',
      'postgresql://u:p@ep-cool-1-pooler.us-east-2.aws.neon.tech/neondb?sslmode=require&channel_binding=require',
      { ...at('ep-cool-1-pooler.us-east-2.aws.neon.tech'), ...owner, database: 'neondb', sslmode: 'verify-full' },
    ],
    [
      'Neon without SNI',
      'postgres://u:p@ep-cool-1.neon.tech/db?sslmode=require&options=endpoint%3Dep-cool-1',
      { sslmode: 'require', session: { options: 'endpoint=ep-cool-1' } },
    ],
    [
      'Supabase, direct',
      'postgresql://postgres:p@db.abc.supabase.co:5432/postgres',
      { ...at('db.abc.supabase.co'), database: 'postgres', sslmode: 'prefer', prepare: true },
    ],
    [
      'Supabase, its pooler in session mode',
      'postgres://postgres.abc:p@aws-0-eu-west-1.pooler.supabase.com:5432/postgres',
      { user: 'postgres.abc' },
    ],
    [
      'Supabase, its pooler in transaction mode, as for Prisma',
      'postgres://postgres.abc:p@aws-0-eu-west-1.pooler.supabase.com:6543/postgres?pgbouncer=true',
      { ...at('aws-0-eu-west-1.pooler.supabase.com', 6543), prepare: false, session: {} },
    ],
    [
      'Supabase by Vercel',
      'postgres://u:p@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require&supa=base-pooler.x',
      { sslmode: 'require', session: {} },
    ],
    [
      'RDS',
      'postgresql://u:p@db.c1.eu-west-1.rds.amazonaws.com:5432/app?sslmode=verify-full',
      { sslmode: 'verify-full', caFile: undefined },
    ],
    [
      'Cloud SQL, its socket',
      'postgresql://u:p@/app?host=/cloudsql/project:region:instance',
      { ...owner, socket: '/cloudsql/project:region:instance/.s.PGSQL.5432', database: 'app' },
    ],
    [
      'Cloud SQL, its socket beside a host that is ignored',
      'postgresql://u:p@localhost/app?host=/cloudsql/project:region:instance&port=5433',
      { socket: '/cloudsql/project:region:instance/.s.PGSQL.5433' },
    ],
    [
      'Cloud SQL, its socket as a host',
      'postgresql://u:p@%2Fcloudsql%2Fproject%3Aregion%3Ainstance/app',
      { socket: '/cloudsql/project:region:instance/.s.PGSQL.5432' },
    ],
    [
      'a socket of the system',
      'postgres:///db?host=/var/run/postgresql',
      { socket: '/var/run/postgresql/.s.PGSQL.5432' },
    ],
    [
      'Azure',
      'postgresql://u%40server:p@server.postgres.database.azure.com:5432/postgres?sslmode=require',
      { user: 'u@server' },
    ],
    ['Heroku', 'postgres://u:p@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d1', { sslmode: 'prefer' }],
    ['Render', 'postgresql://u:p@dpg-abc-a.frankfurt-postgres.render.com/app', { database: 'app' }],
    ['Railway', 'postgresql://postgres:p@postgres.railway.internal:5432/railway', { database: 'railway' }],
    ['Fly', 'postgres://app:p@app-db.flycast:5432/app?sslmode=disable', { sslmode: 'disable' }],
    [
      'DigitalOcean',
      'postgresql://doadmin:p@x-do-user-1.db.ondigitalocean.com:25060/defaultdb?sslmode=require',
      { ...at('x-do-user-1.db.ondigitalocean.com', 25060) },
    ],
    ['an IPv6 address', 'postgres://u:p@[2001:db8::7]:5433/db', at('2001:db8::7', 5433)],
    ['an IPv6 address as a parameter', 'postgres:///db?host=::1&port=5433', at('::1', 5433)],
    [
      'two servers',
      'postgres://u:p@db1,db2:5433/db?target_session_attrs=read-write',
      {
        places: [
          { host: 'db1', port: 5432 },
          { host: 'db2', port: 5433 },
        ],
        targetSessionAttrs: 'read-write',
      },
    ],
    ['all reserved characters', 'postgres://u:%2F%3F%23%40%25%3A+&=@db/x', { password: '/?#@%:+&=', database: 'x' }],
    [
      'credentials as parameters',
      'postgres://db/?dbname=x&user=u&password=a+b',
      { user: 'u', password: 'a+b', database: 'x' },
    ],
    [
      'a schema in the options',
      'postgres://u:p@db/x?options=-c%20search_path%3Dauth&application_name=sign-in&connect_timeout=10',
      {
        session: { options: '-c search_path=auth', application_name: 'sign-in' },
        searchPath: 'auth',
        connectTimeoutMs: 10_000,
      },
    ],
    ['a schema in search_path', 'postgres://db/x?search_path=auth,public', { searchPath: 'auth,public' }],
    [
      'several settings of the server',
      'postgres://db/x?options=-csearch_path%3Da%20-c%20work_mem%3D8MB%20--Search-Path%3Db,%5C%20c',
      { searchPath: 'b, c' },
    ],
    ['no schema', 'postgres://db/x?options=-c%20work_mem%3D8MB', { searchPath: undefined }],
    [
      'the certificate authorities of the system',
      'postgres://db/x?sslrootcert=system',
      { sslmode: 'verify-full', caFile: undefined },
    ],
  ]
  for (const [provider, url, read] of cases) t.match(readPostgresUrl(url), read, provider)
})

t.test('an unsupported part of a Postgres address is rejected with what to do, and is never shown', async t => {
  const cases: [url: string, fix: RegExp][] = [
    ['postgres://u:p@a/canary@db/x', /percent-encoded, as %2F/],
    ['postgres://u:p@canary@db/x', /percent-encoded/],
    ['postgres://u:1?canary=1@db/x', /percent-encoded/],
    ['postgres://u:1#canary@db/x', /percent-encoded/],
    ['postgres://u:p@::1:5432/x', /write .* an IPv6 address in brackets/],
    ['postgres://u:p@db/x?canary%40=1', /has a parameter, which Latchkey does not support: remove it/],
    [
      'postgres://u:p@db/x?work_mem=canary',
      /the parameter work_mem.*remove it, and write .* options=-c%20name%3Dvalue/,
    ],
    ['postgres://u:p@db/x?schema=canary', /the parameter schema.*options=-c%20search_path%3Dname/],
    ['postgres://u:p@db/x?connection_limit=1', /connection_limit.*DATABASE_POOL_SIZE/],
    ['postgres://u:p@db/x?gssencmode=require', /gssencmode/],
    ['postgres://u:p@db/x?sslmode=canary', /sslmode: disable, allow, prefer, require, verify-ca, verify-full$/],
    ['postgres://u:p@db/x?sslcert=canary', /user with a password, because .* not support client certificates/],
    ['postgres://u:p@db/x?sslrootcert=/no/canary.pem', /PEM file; the file cannot be read/],
    ['postgres://u:p@db/x?sslmode=disable&channel_binding=require', /needs TLS: remove sslmode=disable/],
    ['postgres://u:p@db/x?target_session_attrs=standby', /read-write or primary/],
    ['postgres://u:p@db/x?sslmode=require&sslmode=disable', /twice/],
    ['postgres://u:p@db/x/canary', /%2F/],
    ['postgres://u:p@/x?host=/run,db', /only one server/],
  ]
  for (const [url, fix] of cases) {
    t.throws(() => readPostgresUrl(url), { name: 'InvalidValue', message: fix }, url)
    t.notMatch(problemsOf({ ...production, DATABASE_URL: url }).join(), /canary/, url)
  }
})

t.test('the sslmode of a Postgres address must agree with DATABASE_CA_FILE', async t => {
  const DATABASE_CA_FILE = join(
    t.testdir({ 'ca.pem': '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n' }),
    'ca.pem',
  )
  const at = (sslmode: string) => `postgres://u:p@db/x?sslmode=${sslmode}`
  t.match(problemsOf({ ...production, DATABASE_URL: at('disable'), DATABASE_CA_FILE }), [
    /^DATABASE_URL has sslmode=disable, but DATABASE_CA_FILE is set: remove one of them/,
  ])
  t.match(problemsOf({ ...production, DATABASE_MIGRATION_URL: at('verify-ca') }), [
    /^DATABASE_MIGRATION_URL has sslmode=verify-ca without a certificate authority: set DATABASE_CA_FILE, or use verify-full/,
  ])
  t.ok(readConfig({ ...production, DATABASE_URL: at('verify-ca'), DATABASE_CA_FILE }))
  t.ok(readConfig({ ...production, DATABASE_URL: `${at('verify-ca')}&sslrootcert=${DATABASE_CA_FILE}` }))
})

t.test('Redis addresses are accepted in the form that each provider gives', async t => {
  const cases: [provider: string, url: string, read: object][] = [
    ['a container', 'redis://redis:6379/2', { places: [{ host: 'redis', port: 6379 }], db: 2, tls: 'none', family: 0 }],
    ['a password alone', 'redis://:p@redis', { username: undefined, password: 'p' }],
    ['a password of every character', 'rediss://u:%2F%3F%23%40%25%3A+@redis', { username: 'u', password: '/?#@%:+' }],
    ['Upstash', 'rediss://default:p@eu1-x.upstash.io:6379', { username: 'default', tls: 'verified' }],
    ['Heroku', 'rediss://:p@ec2-1.amazonaws.com:7000?ssl_cert_reqs=none', { tls: 'unverified' }],
    ['Railway', 'redis://default:p@redis.railway.internal:6379?family=6', { family: 6 }],
    ['an IPv6 address', 'redis://[::1]:6380/0?db=3', { places: [{ host: '::1', port: 6380 }], db: 3 }],
    ['a socket', 'unix:///run/redis/redis.sock?db=1', { socket: '/run/redis/redis.sock', db: 1 }],
    ['a socket with a user', 'unix://u:p@/run/redis.sock', { socket: '/run/redis.sock', username: 'u', password: 'p' }],
  ]
  for (const [provider, url, read] of cases) t.match(readRedisUrl(url), read, provider)
})

t.test('an unsupported part of a Redis address is rejected with what to do, and is never shown', async t => {
  const cases: [url: string, fix: RegExp][] = [
    ['redis://:p@a/canary@redis', /percent-encoded/],
    ['redis://:p@canary@redis', /percent-encoded/],
    ['redis://canary@redis', /only a password as redis:\/\/:password@host/],
    ['redis://redis/canary', /a number as its database/],
    ['redis://::1', /brackets/],
    ['redis://redis?enableOfflineQueue=true', /the parameter enableOfflineQueue.*remove it/],
    ['redis://redis?tls=true', /write rediss:\/\//],
    ['rediss://redis?ssl_cert_reqs=canary', /ssl_cert_reqs=required or none/],
    ['redis://one,two', /contains several servers: set REDIS_CLUSTER=on .*, set REDIS_SENTINEL_MASTER .*, or keep one/],
    ['unix://redis.sock', /such as unix:\/\/\/run/],
    ...['redis-sentinel', 'rediss-sentinel', 'redis+sentinel', 'rediss+sentinel', 'sentinel'].map(
      (scheme): [string, RegExp] => [
        `${scheme}://:canary@one:26379,two:26379/main`,
        /write redis:\/\/ .* set REDIS_SENTINEL_MASTER to the name/,
      ],
    ),
  ]
  for (const [REDIS_URL, fix] of cases) {
    const problems = problemsOf({ ...production, REDIS_URL })
    t.match(problems, [fix], REDIS_URL)
    t.notMatch(problems.join(), /canary/, REDIS_URL)
  }
})
