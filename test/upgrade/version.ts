import { existsSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { Verifier, VerifierOptions } from '@latchkey/verifier'
import type { Test } from 'tap'
import { compiledPath } from '../support/compiled-path.js'
import { type Answer, HttpClient } from '../support/http-client.js'
import { PASSWORD } from '../support/people.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { type ServiceProcess, startService } from '../support/service-process.js'
import type { Release } from './last-release.js'

/** A version of the program, on the stores of the test. */
export interface Program {
  /** `old` or `new`. */
  name: string
  start(): Promise<Instance>
  /** Runs a command that must succeed, and returns the JSON that it prints. */
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of the output is the test's business.
  command(...args: string[]): Promise<any>
  /** Its `createVerifier`, or undefined if this version has none. */
  createVerifier(): Promise<((options: VerifierOptions) => Verifier) | undefined>
}

/** A running instance. */
export interface Instance {
  program: Program
  url: string
  service: ServiceProcess
  http: HttpClient
}

/** A session of a user, as its client knows it. */
export interface Session {
  email: string
  id: string
  userId: string
  accessToken: string
  refreshToken: string
}

export function openProgram(t: Test, name: string, env: NodeJS.ProcessEnv, release?: Release): Program {
  const program = release && { program: release.program }
  return {
    name,
    async start() {
      const service = await startService(t, { env, ...program })
      const http = new HttpClient(service.url)
      t.teardown(() => http.close())
      return { program: this, url: service.url, service, http }
    },
    async command(...args) {
      const { code, stdout, stderr } = await runLatchkey([...args, '--json'], { env, ...program })
      if (code !== 0) throw new Error(`${name}: latchkey ${args.join(' ')} ended with ${code}: ${stderr}`)
      return stdout === '' ? undefined : JSON.parse(stdout)
    },
    async createVerifier() {
      const file = release?.verifier ?? compiledPath('packages/verifier/src/index.ts')
      if (!existsSync(file) || !readFileSync(file, 'utf8').includes('createVerifier')) return undefined
      return (await import(pathToFileURL(file).href)).createVerifier
    },
  }
}

export async function register({ http }: Instance, email: string): Promise<Session> {
  return sessionOf(email, await http.post('/auth/register', { email, password: PASSWORD, transport: 'body' }))
}

export async function signIn({ http }: Instance, email: string, password = PASSWORD): Promise<Session> {
  return sessionOf(email, await http.post('/auth/login', { email, password, transport: 'body' }))
}

/** What an instance answers to an access token: 200, or the code of the error. */
export async function verify({ http }: Instance, accessToken: string): Promise<number | string> {
  return outcomeOf(await http.get('/auth/verify', accessToken))
}

export function refresh({ http }: Instance, refreshToken: string, more: object = {}): Promise<Answer> {
  return http.post('/auth/refresh', { refresh_token: refreshToken, ...more })
}

/** A request with an access token and a JSON body. */
export function call(
  { http }: Instance,
  method: string,
  path: string,
  { accessToken }: Pick<Session, 'accessToken'>,
  body?: object,
): Promise<Answer> {
  const type = body && { 'content-type': 'application/json' }
  const headers = { authorization: `Bearer ${accessToken}`, ...type }
  return http.send(method, path, headers, body ? JSON.stringify(body) : '')
}

/** A request of a client to `/oauth/…`. */
export function form({ http }: Instance, path: string, fields: Record<string, string>): Promise<Answer> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return http.send('POST', path, headers, new URLSearchParams(fields).toString())
}

export function outcomeOf({ status, body }: Answer): number | string {
  return status < 300 ? status : (body?.code ?? body?.error ?? status)
}

function sessionOf(email: string, { status, body }: Answer): Session {
  if (status >= 300) throw new Error(`signing in was refused: ${JSON.stringify(body)}`)
  return {
    email,
    id: body.session_id,
    userId: body.user.id,
    accessToken: body.access_token,
    refreshToken: body.refresh_token,
  }
}
