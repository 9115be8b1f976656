import { runLatchkey } from '../../test/support/run-latchkey.js'
import type { Contender, Guarantees, Measure } from '../contender.js'
import type { LoadGenerator } from '../load/drive.js'
import { eachOnce, headOf, repeated, request } from '../load/scenario.js'
import type { BenchStores } from '../stores/start.js'
import { openSeeds, PASSWORD, type SeededSession, USER_AGENT } from './seed.js'
import { CLI, type Service, settingsOf, startService } from './start.js'

export interface Latchkey extends Contender {
  service: Service
}

const GUARANTEES: Guarantees = {
  durable: 'yes',
  rotation: 'yes',
  reuseFound: 'yes',
  revokedAtOnce: 'yes',
}

/** Sessions whose tokens are used in turn. */
const SESSIONS = 5000
const CHAINS = 1000
const USERS_WITH_LISTS = 200
const SESSIONS_IN_A_LIST = 5
const USERS_WHO_END_SESSIONS = 200

const AGENT = `User-Agent: ${USER_AGENT}`
const JSON_HEADERS = ['Content-Type: application/json', AGENT]
const bearer = (token: string) => [`Authorization: Bearer ${token}`, AGENT]

/** Starts the service on an empty database, and fills its tables with users and sessions. */
export async function startLatchkey(stores: BenchStores, generator: LoadGenerator): Promise<Latchkey> {
  const service = await startService(settingsOf(stores, await stores.createDatabase()))
  const seeds = openSeeds(service.env.DATABASE_URL!)
  const users = await seeds.addUsers(SESSIONS)
  const sessions = await seeds.addSessions(users, 1)
  const chains = await seeds.addSessions(users.slice(0, CHAINS), 1)
  const listed = await seeds.addSessions(await seeds.addUsers(USERS_WITH_LISTS), SESSIONS_IN_A_LIST)
  const staying = await seeds.addSessions(await seeds.addUsers(USERS_WHO_END_SESSIONS), 1)
  await seeds.analyze()

  const { port } = service
  const tokens = await accessTokens(generator, port, sessions)
  const listTokens = (await accessTokens(generator, port, listed)).filter((_, at) => at % SESSIONS_IN_A_LIST === 0)
  const stayingTokens = await accessTokens(generator, port, staying)
  const toEnd = (count: number) =>
    seeds.addSessions(
      staying.map(({ user }) => user),
      Math.ceil(count / staying.length),
    )
  const client = await createClient(service.env)

  const inTurn = (requests: string[]) => ({ scenario: () => repeated(requests) })
  const verify = tokens.map(token => request('GET', '/auth/verify', bearer(token)))
  await generator.sendOnce(port, verify)
  let chainTokens = chains.map(({ refreshToken }) => refreshToken)
  const measures: Measure[] = [
    { operation: 'verify', name: 'GET /auth/verify, one token', measure: inTurn(verify.slice(0, 1)) },
    {
      operation: 'verify',
      name: `GET /auth/verify, ${SESSIONS.toLocaleString('en')} tokens`,
      measure: inTurn(verify),
    },
    {
      operation: 'verify',
      name: 'a bare route of the same app (GET /livez)',
      kind: 'ceiling',
      measure: inTurn([request('GET', '/livez', [AGENT])]),
    },
    {
      operation: 'refresh',
      name: 'POST /auth/refresh',
      measure: {
        scenario: () => ({
          kind: 'chains',
          tokens: chainTokens,
          head: headOf('POST', '/auth/refresh', JSON_HEADERS),
          body: ['{"refresh_token":"', '"}'],
          field: 'refresh_token',
        }),
        onTokens: next => {
          chainTokens = next
        },
      },
    },
    { operation: 'login', name: 'POST /auth/login', measure: inTurn(users.map(({ email }) => signIn(email))) },
    {
      operation: 'list',
      name: 'GET /auth/sessions',
      measure: inTurn(listTokens.map(token => request('GET', '/auth/sessions', bearer(token)))),
    },
    {
      operation: 'profile',
      name: 'GET /auth/profile',
      measure: inTurn(tokens.map(token => request('GET', '/auth/profile', bearer(token)))),
    },
    {
      operation: 'introspect',
      name: 'POST /oauth/introspect',
      measure: inTurn(tokens.map(token => introspection(token, client))),
    },
    {
      operation: 'revoke',
      name: 'DELETE /auth/sessions/:id',
      measure: {
        atMost: 4000,
        async scenario(count) {
          const sessions = await toEnd(count)
          const perUser = sessions.length / staying.length
          const requests = sessions.map(({ id }, at) =>
            request('DELETE', `/auth/sessions/${id}`, bearer(stayingTokens[Math.floor(at / perUser)]!)),
          )
          return eachOnce(requests)
        },
      },
    },
    {
      operation: 'logout',
      name: 'POST /auth/logout',
      measure: {
        atMost: 4000,
        async scenario(count) {
          const sessions = await toEnd(count)
          const body = ({ refreshToken }: SeededSession) => JSON.stringify({ refresh_token: refreshToken })
          const requests = sessions.map(session => request('POST', '/auth/logout', JSON_HEADERS, body(session)))
          return eachOnce(requests)
        },
      },
    },
  ]
  return {
    name: 'Latchkey',
    kind: 'latchkey',
    guarantees: GUARANTEES,
    port,
    pid: service.pid,
    readyAfterMs: service.readyAfterMs,
    restMb: service.restMb,
    measures,
    service,
    async stop() {
      await service.stop()
      await seeds.close()
    },
  }
}

/** A second instance on its own database, with so many revocations that are in force. */
export async function startLatchkeyWithRevocations(
  stores: BenchStores,
  generator: LoadGenerator,
  revocations: number,
): Promise<Contender> {
  const env = settingsOf(stores, await stores.createDatabase())
  await runLatchkey(['migrate'], { env, program: CLI })
  const seeds = openSeeds(env.DATABASE_URL!)
  await seeds.addRevocations(revocations)
  const sessions = await seeds.addSessions(await seeds.addUsers(SESSIONS), 1)
  await seeds.analyze()
  const service = await startService(env)
  const tokens = await accessTokens(generator, service.port, sessions)
  const requests = tokens.map(token => request('GET', '/auth/verify', bearer(token)))
  await generator.sendOnce(service.port, requests)
  const count = revocations.toLocaleString('en')
  const name = `GET /auth/verify, ${SESSIONS.toLocaleString('en')} tokens, ${count} revocations`
  return {
    name: `Latchkey with ${count} revocations`,
    kind: 'latchkey',
    guarantees: GUARANTEES,
    port: service.port,
    pid: service.pid,
    readyAfterMs: service.readyAfterMs,
    restMb: service.restMb,
    measures: [{ operation: 'verify', name, measure: { scenario: () => repeated(requests) } }],
    async stop() {
      await service.stop()
      await seeds.close()
    },
  }
}

function accessTokens(generator: LoadGenerator, port: number, sessions: readonly SeededSession[]): Promise<string[]> {
  const requests = sessions.map(({ refreshToken }) =>
    request('POST', '/auth/refresh', JSON_HEADERS, JSON.stringify({ refresh_token: refreshToken, rotate: false })),
  )
  return generator.collect(port, requests, 'access_token')
}

function signIn(email: string): string {
  return request('POST', '/auth/login', JSON_HEADERS, JSON.stringify({ email, password: PASSWORD, transport: 'body' }))
}

interface Client {
  client_id: string
  client_secret: string
}

async function createClient(env: Record<string, string>): Promise<Client> {
  const args = ['clients', 'create', 'bench', '--scope', 'introspect', '--json']
  const { stdout, stderr } = await runLatchkey(args, { env, program: CLI })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

function introspection(token: string, { client_id, client_secret }: Client): string {
  const authorization = Buffer.from(`${client_id}:${client_secret}`).toString('base64')
  const headers = [`Authorization: Basic ${authorization}`, 'Content-Type: application/x-www-form-urlencoded', AGENT]
  return request('POST', '/oauth/introspect', headers, `token=${token}`)
}
