import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { compiledPath } from '../../test/support/compiled-path.js'
import type { Told } from './generator.js'
import type { Measured, Once, Plan } from './scenario.js'

/** The load generator, in a process of its own. */
export interface LoadGenerator {
  pid: number
  /** @param onMeasuring - called when the warm-up is over */
  drive(plan: Plan, onMeasuring?: () => void): Promise<Measured>
  /** Sends each of these requests once, and returns a field of each answer. */
  collect(port: number, requests: readonly string[], field: string): Promise<string[]>
  /** Sends each of these requests once, so that the server knows them before it is measured. */
  sendOnce(port: number, requests: readonly string[]): Promise<void>
  stop(): void
}

const LONG_SECONDS = 600

function onceThrough(port: number, scenario: Once): Plan {
  return { port, connections: 20, warmUpSeconds: 0, seconds: LONG_SECONDS, scenario }
}

export async function startLoadGenerator(): Promise<LoadGenerator> {
  const child = fork(compiledPath('bench/load/generator.ts'), { execArgv: [] })
  await once(child, 'spawn')
  const drive = (plan: Plan, onMeasuring = () => {}) => {
    child.send(plan)
    return answerOf(child, onMeasuring)
  }
  return {
    pid: child.pid!,
    drive,
    async collect(port, requests, collect) {
      const { collected } = await drive(onceThrough(port, { kind: 'once', requests, collect }))
      if (collected?.length !== requests.length) throw new Error('some requests were not answered')
      return collected
    },
    async sendOnce(port, requests) {
      await drive(onceThrough(port, { kind: 'once', requests }))
    },
    stop: () => child.kill('SIGKILL'),
  }
}

function answerOf(child: ChildProcess, onMeasuring: () => void): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const settle = (settled: () => void) => {
      child.off('message', onMessage)
      child.off('exit', onExit)
      settled()
    }
    const onExit = () => settle(() => reject(new Error('the load generator ended')))
    const onMessage = (told: Told) => {
      if (told.is === 'measuring') onMeasuring()
      if (told.is === 'measured') settle(() => resolve(told.measured))
      if (told.is === 'failed') settle(() => reject(new Error(`the load generator failed: ${told.message}`)))
    }
    child.on('message', onMessage)
    child.on('exit', onExit)
  })
}
