import { fork } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import type { Contender } from '../contender.js'
import { repeated, request } from '../load/scenario.js'
import { memoryAtRest } from '../measure/processes.js'
import { USER_AGENT } from '../service/seed.js'
import type { BenchStores } from '../stores/start.js'
import { hashRate } from './hash-rate.js'
import { findPgbench, rotationRate } from './rotation-rate.js'

/** What the machine can do: the framework, the statement of a refresh, and the password hash, each alone. */
export async function startCeilings(stores: BenchStores, databaseUrl: string): Promise<Contender> {
  const startedAt = performance.now()
  const bare = fork(resolve('bench/ceilings/bare-route.mjs'), { execArgv: [], env: { NODE_ENV: 'production' } })
  const [{ port }] = (await once(bare, 'message')) as [{ port: number }]
  const readyAfterMs = performance.now() - startedAt
  const requests = [request('GET', '/', [`User-Agent: ${USER_AGENT}`])]
  const pgbench = await findPgbench()
  return {
    name: 'a bare Fastify route in its own process',
    kind: 'ceiling',
    port,
    pid: bare.pid!,
    readyAfterMs,
    restMb: await memoryAtRest(bare.pid!),
    measures: [
      {
        operation: 'verify',
        name: 'a bare Fastify route in its own process',
        measure: { scenario: () => repeated(requests) },
      },
      ...(pgbench === undefined
        ? []
        : ([
            {
              operation: 'refresh',
              name: 'the SQL statement of a refresh alone (pgbench, 50 clients)',
              measure: { run: (seconds: number) => rotationRate(pgbench, databaseUrl, stores, seconds) },
            },
          ] as const)),
      {
        operation: 'login',
        name: 'the password hash alone (argon2id)',
        measure: { run: hashRate },
      },
    ],
    async stop() {
      bare.kill('SIGKILL')
    },
  }
}
