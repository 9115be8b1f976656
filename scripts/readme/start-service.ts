import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { rootOwnedDirOf } from '../../src/embedded-postgres/native-programs.js'
import { codeOf } from '../../src/lib/error-facts.js'

export interface StartedService {
  url: string
  /** The environment with which the commands of latchkey find it. */
  env: NodeJS.ProcessEnv
  /** Stops it with a signal to its process group. Resolves when it has ended. */
  stop(): Promise<void>
}

/** Long enough for the build on a busy machine. */
const TIMEOUT_MS = 180_000
const STOP_TIMEOUT_MS = 30_000

/** Variables that would change what `npm start` does. */
const FOREIGN = ['NODE_ENV', 'DATABASE_URL', 'REDIS_URL', 'KUBERNETES_SERVICE_HOST', 'PUBLIC_ORIGIN', 'PUBLIC_PATH']

/**
 * Starts the service with the README's own command, on a free port and with a data folder of its own.
 *
 * @param settings further environment variables
 */
export async function startService(settings: NodeJS.ProcessEnv = {}): Promise<StartedService> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-readme-'))
  const dataDir = join(folder, 'data')
  const port = await freePort()
  const kept = Object.entries(process.env).filter(([name]) => !FOREIGN.includes(name))
  // docs/migrating.md shows the API that is off by default.
  const DIALECTS = 'simple-jwt,sessions,envelope'
  const env = { ...Object.fromEntries(kept), PORT: String(port), DATA_DIR: dataDir, DIALECTS, ...settings }
  const npm = spawn('npm', ['start'], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    // A separate process group, so that the processes that npm starts can be stopped too.
    detached: true,
  })
  const gone = once(npm, 'close')
  const stop = async () => {
    signal(npm.pid!, 'SIGTERM')
    const ended = await Promise.race([gone.then(() => true), sleep(STOP_TIMEOUT_MS, false, { ref: false })])
    if (!ended) {
      signal(npm.pid!, 'SIGKILL')
      await gone
    }
    // If the user of the embedded Postgres cannot read the checkout, a copy of the programs is elsewhere.
    const rootOwnedDir = await rootOwnedDirOf(dataDir).catch(() => undefined)
    for (const path of [folder, ...(rootOwnedDir === undefined ? [] : [rootOwnedDir])])
      await rm(path, { recursive: true, force: true })
    if (!ended) throw new Error('The service did not stop after SIGTERM.')
  }

  const url = `http://localhost:${port}`
  try {
    await waitUntilReady(url, () => npm.exitCode !== null)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, env, stop }
}

function signal(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(-group, name)
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error
  }
}

async function waitUntilReady(url: string, hasEnded: () => boolean): Promise<void> {
  const deadline = Date.now() + TIMEOUT_MS
  while (!(await isReady(url))) {
    if (hasEnded()) throw new Error('npm start ended before the service was ready.')
    if (Date.now() > deadline) throw new Error(`npm start was not ready within ${TIMEOUT_MS / 1000} s.`)
    await sleep(100)
  }
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  )
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
