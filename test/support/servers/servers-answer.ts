import postgres from 'postgres'
import { answers } from './launch-redis.js'
import type { TestServers } from './test-servers.js'

/** Whether both servers answer. */
export async function serversAnswer(servers: TestServers): Promise<boolean> {
  const sql = postgres(servers.postgresUrl, { max: 1, connect_timeout: 2 })
  try {
    await sql`select 1`
    return await answers(servers.redisUrl)
  } catch {
    return false
  } finally {
    await sql.end({ timeout: 1 })
  }
}
