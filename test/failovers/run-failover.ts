import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { TEST_SECRETS } from '../support/build-test-app.js'
import { until } from '../support/eventually.js'
import { type ServiceProcess, startService } from '../support/service-process.js'
import { Load, type LostSession, OPERATIONS, type Sample } from './load.js'

export interface Failover {
  name: string
  /** The addresses of the stores. */
  env: NodeJS.ProcessEnv
  /** Makes one server fail and another one replace it. */
  failOver(): Promise<unknown>
  /** The refusals that the load may get. A request without an answer is never allowed. */
  mayAnswer?: readonly string[]
  /** Whether the new server lacks the last commits, so that the sessions of the last sign-ins may be lost. */
  mayLoseCommits?: boolean
}

export interface Outcome {
  load: Load
  lost: LostSession[]
  outputs: string[]
}

/** `npm run test:failovers` runs all failovers, with more load; `npm test` runs some of them. */
export const IS_FULL = process.env.FAILOVERS === 'all'
export const ONLY_IN_FULL = IS_FULL ? {} : { skip: 'in npm run test:failovers' }

const [BEFORE_MS, AFTER_MS] = IS_FULL ? [4000, 8000] : [700, 1500]
const table: string[] = []

/** Runs a failover under load on two instances, and checks that nobody is signed out and nothing revoked is accepted. */
export async function runFailover(t: Test, failover: Failover): Promise<Outcome> {
  const env = {
    ...TEST_SECRETS,
    LOG_LEVEL: 'warn',
    PUBLIC_ORIGIN: 'http://localhost:3000',
    RATE_LIMIT: 'off',
    SIGN_IN_FAILURE_DELAY: '0s',
    MAX_SESSIONS_PER_USER: '0',
    // Every refresh replaces the token, as far as the rules allow.
    REFRESH_MIN_AGE: '2s',
    REFRESH_LEEWAY: '1s',
    DATABASE_POOL_SIZE: '5',
    ...failover.env,
  }
  const services = [await startService(t, { env }), await startService(t, { env })]
  const load = new Load(services.map(({ url }) => url))
  // A check that failed leaves it running, and its requests would go to instances that the next test has ended.
  t.teardown(async () => {
    await load.stop()
    load.close()
  })
  await load.prepare()
  load.start()
  await sleep(BEFORE_MS)
  const begunAtMs = performance.now()
  await failover.failOver()
  const replacedAtMs = performance.now()
  await until(async () => OPERATIONS.every(name => succeedsSince(load.samples[name], replacedAtMs)), 'all work again')
  await until(async () => (await Promise.all(services.map(isHealthy))).every(Boolean), 'no instance is degraded')
  const healthyAfterMs = performance.now() - begunAtMs
  await sleep(AFTER_MS)
  await load.stop()

  const { lost, restored } = await load.check()
  const outputs = services.map(({ output }) => output())
  for (const name of OPERATIONS) {
    const refusals = refusalsOf(load.samples[name])
    const others = refusals.filter(answer => !(failover.mayAnswer ?? []).includes(answer))
    t.strictSame(others, [], `${name}: ${[...new Set(load.samples[name].map(({ answer }) => answer))].join(', ')}`)
  }
  t.strictSame([...new Set(load.violations)], [], 'every error is a 503 with Retry-After')
  t.strictSame(restored, [], `nothing of ${load.counts.signedOut} sign-outs is accepted again`)
  if (!failover.mayLoseCommits) t.strictSame(lost, [], `none of ${load.counts.sessions} sessions is lost`)
  addRow(failover.name, { load, lost, tookMs: replacedAtMs - begunAtMs, healthyAfterMs })

  if (!IS_FULL) return { load, lost, outputs }
  const late = await startService(t, { env })
  const later = await load.check([late.url])
  t.strictSame(later.restored, [], 'an instance that starts afterwards accepts nothing of them either')
  return { load, lost, outputs }
}

export function printTable(t: Test): void {
  t.comment(
    'failover | replaced after | healthy after | accepted after 204 | lost | operation | requests | refused | for | slowest',
  )
  for (const line of table) t.comment(line)
}

async function isHealthy({ url }: ServiceProcess): Promise<boolean> {
  const answer = await fetch(`${url}/readyz`)
  const { status } = (await answer.json()) as { status: string }
  return status === 'ok'
}

function succeedsSince(samples: readonly Sample[], sinceMs: number): boolean {
  return samples.some(({ startedAtMs, isSuccess }) => startedAtMs > sinceMs && isSuccess)
}

function refusalsOf(samples: readonly Sample[]): string[] {
  return [...new Set(samples.filter(({ isSuccess }) => !isSuccess).map(({ answer }) => answer))]
}

interface Measured {
  load: Load
  lost: LostSession[]
  tookMs: number
  healthyAfterMs: number
}

function addRow(name: string, { load, lost, tookMs, healthyAfterMs }: Measured): void {
  for (const operation of OPERATIONS) {
    const samples = load.samples[operation]
    const failed = samples.filter(({ isSuccess }) => !isSuccess)
    // From the first refused request to the end of the last one.
    const forMs = failed.length === 0 ? 0 : failed.at(-1)!.endedAtMs - failed[0]!.startedAtMs
    const slowestMs = Math.max(...samples.map(({ startedAtMs, endedAtMs }) => endedAtMs - startedAtMs))
    const counts = refusalsOf(samples).map(answer => `${failed.filter(f => f.answer === answer).length} × ${answer}`)
    const cells = [operation, samples.length, counts.join(', ') || 'none', seconds(forMs), seconds(slowestMs)]
    const whole = [tookMs, healthyAfterMs, load.acceptedForMs].map(seconds)
    table.push([name, ...whole, `${lost.length} of ${load.counts.sessions}`, ...cells].join(' | '))
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}
