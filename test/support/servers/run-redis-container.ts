import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { answers } from './launch-redis.js'

const run = promisify(execFile)
const TIMEOUT_MS = 20_000

/** Starts Redis in docker, if it is neither installed nor available from Debian. */
export async function runRedisContainer(): Promise<{ container: string; url: string }> {
  const container = await startContainer()
  const mapping = await run('docker', ['port', container, '6379/tcp'])
  const url = `redis://${mapping.stdout.trim().split('\n')[0]}`
  const deadline = Date.now() + TIMEOUT_MS
  while (!(await answers(url))) {
    if (Date.now() > deadline) {
      await run('docker', ['rm', '--force', container])
      throw new Error('Redis in docker did not answer in time.')
    }
    await sleep(50)
  }
  return { container, url }
}

async function startContainer(): Promise<string> {
  try {
    const started = await run('docker', ['run', '--detach', '--rm', '--publish', '127.0.0.1::6379', 'redis:7'])
    return started.stdout.trim()
  } catch (error) {
    throw new Error(
      'Tests need a Redis. Install redis-server or valkey-server (or docker), or set TEST_REDIS_URL to a Redis ' +
        'that tests may write to.',
      { cause: error },
    )
  }
}
