import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { stopServer, stopWithParent } from '../../../src/embedded-postgres/stop.js'
import { findRedis, type RedisProgram } from './find-redis.js'
import { launchRedis } from './launch-redis.js'
import { withServersLock } from './servers-file.js'

/** A Redis for one test alone, which may do anything to it. */
export interface OwnRedis {
  /** Stays the same after a restart. */
  url: string
  /** The pid of the running server, for signals such as SIGSTOP. */
  readonly pid: number
  /** Shuts it down; connections to it are refused until `restart`. */
  stop(): Promise<void>
  /** Starts it again on the same port, with the data that its arguments made it save. */
  restart(): Promise<void>
}

export interface RedisOptions {
  args?: readonly string[]
  sentinel?: boolean
  /** The Redis of all tests if not given. */
  program?: RedisProgram | undefined
}

/** Starts a Redis for this test alone; it ends with the test. */
export async function startRedis(t: Test, options: RedisOptions = {}): Promise<OwnRedis> {
  const { args = [], sentinel = false, program = await withServersLock(findRedis) } = options
  if (program === undefined) throw new Error('This test needs a redis-server or valkey-server on the PATH.')
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-redis-'))
  const launch = { program, folder, args, sentinel }
  let running = await launchRedis(launch)
  stopWithParent(running.child)
  const { url, port } = running

  const stop = async () => {
    // A test may have stopped it with SIGSTOP, and a stopped process handles no other signal.
    running.child.kill('SIGCONT')
    await stopServer(running.child)
  }
  t.teardown(async () => {
    await stop()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    url,
    get pid() {
      return running.child.pid!
    },
    stop,
    restart: async () => {
      await stop()
      running = await launchRedis({ ...launch, port })
      stopWithParent(running.child)
    },
  }
}
