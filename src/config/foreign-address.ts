export type StoreVariable = 'DATABASE_URL' | 'REDIS_URL'

const examples = {
  DATABASE_URL: 'postgres://user:password@host:5432/latchkey',
  REDIS_URL: 'redis://:password@host:6379',
}

/** What to set each variable to. */
export const wanted = {
  DATABASE_URL: `the address of your Postgres, such as ${examples.DATABASE_URL}`,
  REDIS_URL: `the address of your Redis, such as ${examples.REDIS_URL}`,
}

/** The systems that have addresses with these schemes. */
const systems: Readonly<Record<string, string>> = {
  file: 'SQLite',
  sqlite: 'SQLite',
  sqlite3: 'SQLite',
  libsql: 'libSQL',
  mysql: 'MySQL',
  mysql2: 'MySQL',
  mariadb: 'MariaDB',
  mongodb: 'MongoDB',
  'mongodb+srv': 'MongoDB',
  sqlserver: 'SQL Server',
  mssql: 'SQL Server',
  oracle: 'Oracle',
  cockroachdb: 'CockroachDB',
  prisma: 'Prisma Accelerate',
  'prisma+postgres': 'Prisma Postgres',
  jdbc: 'Java',
  postgres: 'Postgres',
  postgresql: 'Postgres',
  redis: 'Redis',
  rediss: 'Redis',
  memcached: 'Memcached',
  amqp: 'RabbitMQ',
  amqps: 'RabbitMQ',
}

const ownSchemes: Readonly<Record<StoreVariable, RegExp>> = {
  DATABASE_URL: /^postgres(ql)?$/,
  REDIS_URL: /^(rediss?|unix|[a-z+-]*sentinels?)$/,
}

/** Addresses of the right system in a spelling that only one library knows, and what to write instead. */
const spellings: Readonly<Record<StoreVariable, readonly [RegExp, string][]>> = {
  DATABASE_URL: [
    [/^jdbc:postgres/, 'begins with jdbc:, as for Java: write postgres://user:password@host:5432/database'],
    [/^postgres(ql)?\+\w+:/, 'names a driver of another language: write postgres:// instead'],
    [/^(postgis|pgsql|psql):/, 'has a scheme of another library: write postgres:// instead'],
  ],
  REDIS_URL: [
    [/^(valkey|tcp|redis\+tcp):/, 'has a scheme of another library: write redis:// instead'],
    [/^(valkeys|tls|redis\+(ssl|tls)):/, 'has a scheme of another library: write rediss:// instead, for TLS'],
  ],
}

/** What to write instead of an address in the spelling of another library; undefined for every other text. */
export function respellingOf(name: StoreVariable, text: string): string | undefined {
  return spellings[name].find(([pattern]) => pattern.test(text.toLowerCase()))?.[1]
}

/**
 * Describes an address of another system, such as one that an older service left in its environment: "is a file:
 * address, as for SQLite". Undefined for every other text, and never any part of the address but its scheme.
 */
export function foreignAddress(name: StoreVariable, text: string): string | undefined {
  const [, scheme = '', slashes] = /^([a-z][a-z0-9+.-]{1,20}):(\/\/)?/.exec(text.toLowerCase()) ?? []
  if (ownSchemes[name].test(scheme) || respellingOf(name, text) !== undefined) return undefined
  if (Object.hasOwn(systems, scheme)) return `has the scheme ${scheme}:, as for ${systems[scheme]}`
  // Without slashes, it could be a user and a password, or a host and a port.
  return slashes === undefined ? undefined : `has the scheme ${scheme}:`
}
