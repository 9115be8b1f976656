import { readServersFile } from './servers-file.js'

/** The Postgres and the Redis that `npx tap` started before the first test file. */
export interface TestServers {
  /** Of a superuser: tests make databases of their own from here. */
  postgresUrl: string
  redisUrl: string
}

const servers = await readServersFile()

export function testServers(): TestServers {
  if (servers === undefined) {
    throw new Error('Tests need a running Postgres and Redis, which tap starts: run `npx tap path/of/one.test.ts`.')
  }
  // Named by who runs a single test on another one.
  return { postgresUrl: process.env.TEST_DATABASE_URL ?? servers.postgresUrl, redisUrl: servers.redisUrl }
}
