import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { findFreePort } from '../../test/support/free-port.js'
import { spawnLatchkey } from '../../test/support/latchkey-process.js'
import { memoryAtRest } from '../measure/processes.js'
import type { BenchStores } from '../stores/start.js'

export interface Service {
  port: number
  pid: number
  readyAfterMs: number
  restMb: number
  env: Record<string, string>
  stop(): Promise<void>
}

export const SECRETS = {
  JWT_SECRET: 'a-jwt-secret-of-the-benchmark-and-of-nothing-else',
  JWT_REFRESH_SECRET: 'a-refresh-secret-of-the-benchmark-and-of-nothing-else',
}

/** As in production, but without limits, without a log, and with a rotation at each refresh. */
export function settingsOf(stores: BenchStores, databaseUrl: string): Record<string, string> {
  return {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PUBLIC_ORIGIN: 'https://auth.example.com',
    DATABASE_URL: databaseUrl,
    REDIS_URL: stores.redis.url,
    REDIS_KEY_PREFIX: new URL(databaseUrl).pathname.slice(1),
    REFRESH_MIN_AGE: '0s',
    REFRESH_LEEWAY: '0s',
    RATE_LIMIT: 'off',
    // A token must last as long as the benchmark.
    JWT_EXPIRES_IN: '2h',
    LOG_LEVEL: 'error',
    ...SECRETS,
  }
}

export const CLI = resolve('dist/cli.js')

/** Builds the service if its sources have changed. */
export async function buildService(): Promise<void> {
  const build = "import('./scripts/dist.mjs').then(dist => dist.buildFast())"
  await promisify(execFile)(process.execPath, ['--eval', build])
}

/** Starts `latchkey serve` from dist/ in a process of its own, and waits until it is ready. */
export async function startService(env: Record<string, string>): Promise<Service> {
  const port = await findFreePort()
  const startedAt = performance.now()
  const { child, pid, exited, stdout, stderr } = spawnLatchkey({
    program: CLI,
    args: ['serve'],
    env: { ...env, PORT: String(port) },
  })
  let ended = false
  void exited.then(() => {
    ended = true
  })
  process.once('exit', () => child.kill('SIGKILL'))
  while (!(await isReady(port))) {
    if (ended) throw new Error(`The service ended at its start:\n${stdout()}${stderr()}`)
    await sleep(10)
  }
  const readyAfterMs = performance.now() - startedAt
  return {
    port,
    pid,
    readyAfterMs,
    restMb: await memoryAtRest(pid),
    env,
    async stop() {
      child.kill('SIGINT')
      await exited
    },
  }
}

async function isReady(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`, { headers: { connection: 'close' } }).catch(() => {})
  await response?.arrayBuffer()
  return response?.status === 200
}
