import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { hasEnded } from '../../../src/embedded-postgres/stop.js'
import { findFreePort } from '../free-port.js'
import type { RedisProgram } from './find-redis.js'

export interface RedisLaunch {
  program: RedisProgram
  /** The folder of its log and of the files that `args` make it write. */
  folder: string
  /** A free port if not given. */
  port?: number
  /** Arguments of redis-server, which override ours. */
  args?: readonly string[]
  /** Whether it is a Sentinel, which needs a configuration file that it can write to. */
  sentinel?: boolean
}

export interface RunningRedis {
  child: ChildProcess
  url: string
  port: number
}

const TIMEOUT_MS = 10_000
const PORT_ATTEMPTS = 3

/** Starts a Redis on 127.0.0.1 that keeps nothing on disk, and resolves when it answers. */
export async function launchRedis(launch: RedisLaunch): Promise<RunningRedis> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await launchOn(launch.port ?? (await findFreePort()), launch)
    } catch (error) {
      // Another process may have taken the port that was free a moment ago.
      if (launch.port !== undefined || attempt === PORT_ATTEMPTS) throw error
    }
  }
}

/** Whether a Redis answers at this address; if a pid is given, it must be that process. */
export async function answers(url: string, pid?: number): Promise<boolean> {
  const redis = new Redis(url, { lazyConnect: true, connectTimeout: 1_000, commandTimeout: 1_000, retryStrategy: null })
  redis.on('error', () => {})
  try {
    await redis.connect()
    const info = await redis.info('server')
    return pid === undefined || info.includes(`process_id:${pid}\r\n`)
  } catch {
    return false
  } finally {
    redis.disconnect()
  }
}

async function launchOn(port: number, launch: RedisLaunch): Promise<RunningRedis> {
  const child = await spawnRedis(launch, port)
  const url = `redis://127.0.0.1:${port}`
  const deadline = Date.now() + TIMEOUT_MS
  while (!(await answers(url, child.pid))) {
    if (hasEnded(child) || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`Redis did not start:\n${await readFile(join(launch.folder, 'redis.log'), 'utf8')}`)
    }
    await sleep(10)
  }
  return { child, url, port }
}

async function spawnRedis(launch: RedisLaunch, port: number): Promise<ChildProcess> {
  const log = await open(join(launch.folder, 'redis.log'), 'a')
  try {
    const { path, libraryPath } = launch.program
    const ours = ['--port', String(port), '--bind', '127.0.0.1', '--dir', launch.folder, '--save', '']
    const child = spawn(
      path,
      [
        ...(launch.sentinel ? [await sentinelFile(launch.folder)] : []),
        ...[...ours, '--appendonly', 'no', '--maxmemory-policy', 'noeviction', ...(launch.args ?? [])],
        ...(launch.sentinel ? ['--sentinel'] : []),
      ],
      {
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
        env: { ...process.env, ...(libraryPath === undefined ? {} : { LD_LIBRARY_PATH: libraryPath }) },
      },
    )
    await once(child, 'spawn')
    return child
  } finally {
    await log.close()
  }
}

/** The configuration file of a Sentinel. It is kept if it exists: the Sentinel has stored its state in it. */
async function sentinelFile(folder: string): Promise<string> {
  const file = join(folder, 'sentinel.conf')
  await writeFile(file, '', { flag: 'a' })
  return file
}
