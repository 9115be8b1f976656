import { strict as assert } from 'node:assert'
import { randomBytes } from 'node:crypto'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { testServers } from '../support/servers/test-servers.js'
import { MAX_SESSIONS } from './model.js'

/** The longest that a step may take. No step begins if an answer changes by itself within that time. */
const STEP_MS = 5000
/** An `iat` is a whole second, and up to two ahead right after a change of roles. */
const ROUNDING_MS = 3000

/** Two instances of the service on one Postgres and one Redis, with a clock that steps set. */
export class Service {
  readonly instances: [TestApp, TestApp]
  readonly #redis: Redis
  /** How often each answer was given, which shows that histories reach all of them. */
  readonly tally = new Map<string, number>()

  private constructor(instances: [TestApp, TestApp], redis: Redis) {
    this.instances = instances
    this.#redis = redis
  }

  static async start(t: Test): Promise<Service> {
    const first = await buildTestApp(t, { MAX_SESSIONS_PER_USER: String(MAX_SESSIONS) })
    const redis = new Redis(testServers().redisUrl)
    t.teardown(() => redis.disconnect())
    return new Service([first, await first.another()], redis)
  }

  now(): number {
    return this.instances[0].clock.now()
  }

  advance(seconds: number): Promise<void> {
    return this.instances[0].clock.advance(seconds)
  }

  /** Advances the clock beyond the instants at which an answer changes by itself, so that each step has one answer. */
  async passTurningPoints(points: readonly number[]): Promise<void> {
    const isNear = (point: number) => point - this.now() < STEP_MS && this.now() - point < ROUNDING_MS
    while (points.some(isNear)) await this.advance((STEP_MS + ROUNDING_MS) / 1000)
  }

  context(instance: number) {
    return this.instances[instance]!.app.context
  }

  async post(instance: number, url: string, payload: object, accessToken?: string): Promise<Answer> {
    return this.#inject(instance, { method: 'POST', url, payload, ...bearer(accessToken) })
  }

  async get(instance: number, url: string, accessToken: string): Promise<Answer> {
    return this.#inject(instance, { method: 'GET', url, ...bearer(accessToken) })
  }

  async delete(instance: number, url: string, accessToken: string): Promise<Answer> {
    return this.#inject(instance, { method: 'DELETE', url, ...bearer(accessToken) })
  }

  /** Everything that the database has about the refresh token of a session. */
  async stored(sessionId: string): Promise<unknown> {
    const { admin } = this.instances[0].database
    const [row] = await admin`select to_json(refresh_tokens) as row from refresh_tokens where session_id = ${sessionId}`
    const told = await admin`select generation, told_at from superseded_tokens where session_id = ${sessionId}`
    const [revoked] = await admin`select count(*)::int from revocations`
    return { row, told: [...told], revoked }
  }

  /** Writes sightings to Redis, so that the other instance has them too. */
  async shareActivity(): Promise<void> {
    await Promise.all(this.instances.map(({ app }) => app.context.activity.flush()))
  }

  async readJournals(): Promise<void> {
    await Promise.all(this.instances.map(({ app }) => app.context.revocations.readJournal()))
  }

  async restart(instance: number): Promise<void> {
    const old = this.instances[instance]!
    await old.app.close()
    await old.stores.close()
    this.instances[instance] = await this.instances[1 - instance]!.another()
  }

  async loseRedis(): Promise<void> {
    const keys = await this.#redis.keys(`${this.instances[0].config.redis.keyPrefix}*`)
    if (keys.length > 0) await this.#redis.del(...keys)
  }

  async #inject(instance: number, request: InjectOptions): Promise<Answer> {
    const answer = answerOf(await this.instances[instance]!.app.inject(request))
    const name = `${String(request.url).split('/')[2]} ${answer.says}`
    this.tally.set(name, (this.tally.get(name) ?? 0) + 1)
    return answer
  }
}

/** An answer of the service: a status of success, or the code of the refusal. */
export interface Answer {
  says: number | string
  body: Granted
}

export interface Granted {
  access_token: string
  refresh_token: string
  session_id: string
  user: { id: string }
}

export function expectAnswer({ says }: Answer, expected: number | string | readonly (number | string)[], what: string) {
  const allowed = Array.isArray(expected) ? expected : [expected]
  assert.ok(allowed.includes(says), `${what}: said ${says}, expected ${allowed.join(' or ')}`)
}

export function randomEmail(): string {
  return `${randomBytes(8).toString('hex')}@example.com`
}

function answerOf(response: LightMyRequestResponse): Answer {
  const body = response.body === '' ? {} : response.json()
  return { says: response.statusCode < 300 ? response.statusCode : body.code, body }
}

function bearer(accessToken: string | undefined) {
  return accessToken === undefined ? {} : { headers: { authorization: `Bearer ${accessToken}` } }
}
