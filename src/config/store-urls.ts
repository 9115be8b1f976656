import { type Kind, Mistake } from './kind.js'
import { readPostgresUrl } from './postgres-url.js'
import { readRedisUrl } from './redis-url.js'

/** The address of a Postgres, or of several that are replicas of one another (`host1:5432,host2:5432`). */
export const postgresUrl: Kind<string> = {
  accepts: 'a postgres:// or postgresql:// address',
  parse(text) {
    if (/^file:/i.test(text)) {
      throw new Mistake(
        'is a file: address, as SQLite has, but Latchkey needs Postgres: give a postgres:// address, or in ' +
          'development leave the variable unset, and Latchkey starts an embedded Postgres of its own',
      )
    }
    readPostgresUrl(text)
    return text
  },
}

export const redisUrl: Kind<string> = {
  accepts: 'a redis://, rediss:// or unix:// address',
  parse(text) {
    readRedisUrl(text)
    return text
  },
}
