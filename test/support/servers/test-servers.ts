import { readServersFile } from './servers-file.js'

/** The Postgres and the Redis that `npx tap` started before the first test file. */
export interface TestServers {
  /** The address of a superuser; tests create their databases with it. */
  postgresUrl: string
  redisUrl: string
}

const servers = await readServersFile()

export function testServers(): TestServers {
  if (servers === undefined) {
    throw new Error('Tests need a running Postgres and Redis, which tap starts: run `npx tap path/of/one.test.ts`.')
  }
  // A single test can be run on another Postgres.
  return { postgresUrl: process.env.TEST_DATABASE_URL ?? servers.postgresUrl, redisUrl: servers.redisUrl }
}
