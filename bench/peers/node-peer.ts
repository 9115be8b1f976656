import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { findFreePort } from '../../test/support/free-port.js'
import { memoryAtRest } from '../measure/processes.js'

/** A server of another system, in a process of its own. */
export interface NodePeer {
  port: number
  pid: number
  readyAfterMs: number
  restMb: number
  /** Opens sessions in the server, and returns what their requests need. */
  open<Opened>(name: string, count: number): Promise<Opened[]>
  stop(): Promise<void>
}

export const areNodePeersInstalled = (): boolean => existsSync('bench/node_modules/better-auth')

/** Starts a program of bench/peers/, which finds its packages in bench/node_modules. */
export async function startNodePeer(program: string, env: Record<string, string>): Promise<NodePeer> {
  const port = await findFreePort()
  const startedAt = performance.now()
  const child = fork(resolve('bench/peers', program), {
    execArgv: [],
    env: { PATH: process.env.PATH, NODE_ENV: 'production', PORT: String(port), ...env },
  })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${program} ended with ${code}`)
  })
  ended.catch(() => {})
  const answer = async () => (await Promise.race([once(child, 'message'), ended]))[0]
  await answer()
  const readyAfterMs = performance.now() - startedAt
  return {
    port,
    pid: child.pid!,
    readyAfterMs,
    restMb: await memoryAtRest(child.pid!),
    async open(name, count) {
      child.send({ name, count })
      const { opened, error } = await answer()
      if (error !== undefined) throw new Error(`${program}: ${error}`)
      return opened
    },
    async stop() {
      child.kill('SIGKILL')
      await ended.catch(() => {})
    },
  }
}
