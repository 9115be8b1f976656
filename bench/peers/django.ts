import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { findPython } from '../../test/support/find-python.js'
import { findFreePort } from '../../test/support/free-port.js'
import type { Contender } from '../contender.js'
import { eachOnce, headOf, repeated, request } from '../load/scenario.js'
import { memoryAtRest } from '../measure/processes.js'
import { PASSWORD, USER_AGENT } from '../service/seed.js'
import type { BenchStores } from '../stores/start.js'

const FOLDER = resolve('bench/peers/django')
const WORKERS = 2
/** Connections of each worker. With threads, gunicorn keeps connections open between requests. */
const THREADS = 8
const CHAINS = 500

interface Tokens {
  refresh: string
  access: string
}

/** A Python that has everything; undefined if something is missing. */
export const findDjango = (): Promise<string | undefined> =>
  findPython('django, rest_framework_simplejwt, gunicorn, psycopg2')

/** Django with Simple JWT under gunicorn. */
export async function startDjango(stores: BenchStores, python: string): Promise<Contender> {
  const databaseUrl = await stores.createDatabase()
  const env = { PATH: process.env.PATH, DATABASE_URL: databaseUrl, PASSWORD, PYTHONDONTWRITEBYTECODE: '1' }
  const spawnPython = (args: string[], stdin: 'ignore' | 'pipe') =>
    spawn(python, args, { cwd: FOLDER, env, stdio: [stdin, 'pipe', 'inherit'] })
  const sessions = spawnPython(['sessions.py'], 'pipe')
  const lines = createInterface(sessions.stdout!)
  const nextLine = async () => JSON.parse((await once(lines, 'line'))[0])
  const usernames: string[] = await nextLine()
  const open = (count: number): Promise<Tokens[]> => {
    sessions.stdin!.write(`${count}\n`)
    return nextLine()
  }

  const port = await findFreePort()
  const startedAt = performance.now()
  const threads = `-w ${WORKERS} -k gthread --threads ${THREADS} --keep-alive 75 --max-requests 0`
  const args = `-m gunicorn ${threads} --worker-connections 1000 --log-level error -b 127.0.0.1:${port} wsgi`
  const server = spawnPython(args.split(' '), 'ignore')
  process.once('exit', () => [server, sessions].map(child => child.kill('SIGTERM')))
  await untilAnswered(port, server)
  const readyAfterMs = performance.now() - startedAt

  const agent = `User-Agent: ${USER_AGENT}`
  const json = ['Content-Type: application/json', agent]
  const me = async () => {
    const tokens = await open(CHAINS)
    const headers = ({ access }: Tokens) => [`Authorization: Bearer ${access}`, agent]
    return repeated(tokens.map(each => request('GET', '/api/me/', headers(each))))
  }
  return {
    name: `Django with Simple JWT, gunicorn with ${WORKERS} workers`,
    kind: 'peer',
    guarantees: {
      durable: 'yes',
      rotation: 'yes',
      reuseFound: 'refused, but the session goes on',
      revokedAtOnce: 'after up to 5 min',
    },
    port,
    pid: server.pid!,
    readyAfterMs,
    restMb: await memoryAtRest(server.pid!),
    measures: [
      { operation: 'verify', name: 'a view that needs an access token', measure: { scenario: me } },
      { operation: 'profile', name: 'a view that needs an access token', measure: { scenario: me } },
      {
        operation: 'refresh',
        name: 'POST /api/token/refresh/',
        measure: {
          scenario: async () => ({
            kind: 'chains',
            tokens: (await open(CHAINS)).map(({ refresh }) => refresh),
            head: headOf('POST', '/api/token/refresh/', json),
            body: ['{"refresh":"', '"}'],
            field: 'refresh',
          }),
        },
      },
      {
        operation: 'login',
        name: 'POST /api/token/ (PBKDF2)',
        measure: {
          scenario() {
            const body = (username: string) => JSON.stringify({ username, password: PASSWORD })
            const requests = usernames.map(username => request('POST', '/api/token/', json, body(username)))
            return repeated(requests)
          },
        },
      },
      {
        operation: 'logout',
        name: 'POST /api/token/blacklist/',
        measure: {
          atMost: 1500,
          async scenario(count) {
            const body = ({ refresh }: Tokens) => JSON.stringify({ refresh })
            const requests = (await open(count)).map(each => request('POST', '/api/token/blacklist/', json, body(each)))
            return eachOnce(requests)
          },
        },
      },
    ],
    async stop() {
      const ended = [server, sessions].map(child => once(child, 'exit'))
      server.kill('SIGTERM')
      sessions.stdin!.end()
      await Promise.all(ended)
    },
  }
}

async function untilAnswered(port: number, server: ChildProcess): Promise<void> {
  while (server.exitCode === null) {
    const response = await fetch(`http://127.0.0.1:${port}/api/me/`, { headers: { connection: 'close' } }).catch(
      () => {},
    )
    await response?.arrayBuffer()
    if (response?.status === 401) return
    await sleep(20)
  }
  throw new Error('gunicorn ended at its start')
}
