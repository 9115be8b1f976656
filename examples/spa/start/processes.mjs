import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const folder = resolve(import.meta.dirname, '..')

const START_TIMEOUT_MS = 120_000
const STOP_TIMEOUT_MS = 20_000

/** In the order of their starts. */
const running = []
// If this process ends by an error that nobody caught.
process.once('exit', () => {
  for (const { child } of running) child.kill()
})

/** The variables of a process: no other variable of the terminal is passed on, such as DATABASE_URL. */
export function environment(variables) {
  const { PATH, HOME } = process.env
  return { PATH, HOME, ...variables }
}

/** @throws Error that names the variable for another port */
export async function refuseTakenPort(variable, port) {
  const server = createServer().listen(Number(port), 'localhost')
  try {
    await once(server, 'listening')
  } catch (error) {
    if (error.code !== 'EADDRINUSE') throw error
    throw new Error(`Port ${port} is taken. Stop the program that uses it, or choose another port with ${variable}.`)
  }
  server.close()
  await once(server, 'close')
}

/**
 * Starts a Node program, and waits until its address answers with 200.
 *
 * @param onExit is called with an exit code if the program ends by itself later
 */
export async function startProcess(name, args, { env, readyAt, onExit }) {
  // In a process group of its own, so that Ctrl-C reaches only start.mjs, which then ends each process once and in order.
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: environment(env),
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const exited = once(child, 'exit')
  const entry = { child, exited, isStopping: false }
  running.push(entry)
  const deadline = Date.now() + START_TIMEOUT_MS
  while (!(await answers(readyAt))) {
    if (hasEnded(child)) throw new Error(`${name} has ended. Its last lines, above, say why.`)
    if (Date.now() > deadline) throw new Error(`${name} does not answer at ${readyAt}.`)
    await sleep(50)
  }
  exited.then(() => {
    if (entry.isStopping) return
    console.error(`${name} has ended, so everything is stopped.`)
    onExit(1)
  })
}

async function answers(url) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    await answer.body?.cancel()
    return answer.ok
  } catch {
    return false
  }
}

/** Ends the processes, the last one first, because it may still use the others. */
export async function stopProcesses() {
  for (const entry of running) entry.isStopping = true
  for (const { child, exited } of running.toReversed()) {
    if (hasEnded(child)) continue
    // As Ctrl-C, with which Latchkey does not wait for gateways.
    child.kill('SIGINT')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(timer)
  }
}

function hasEnded({ exitCode, signalCode }) {
  return exitCode !== null || signalCode !== null
}
