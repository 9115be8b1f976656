import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { get, PASSWORD, type Person, post, signIn, signUp, verify } from '../support/people.js'
import type { Instances } from './instances.js'

export type Endpoint = 'login' | 'refresh' | 'verify' | 'profile' | 'sessions' | 'logout' | 'readyz'

interface Sample {
  startedAt: number
  ms: number
  status: number | string
}

/** A user who goes on with their last refresh token, in a cookie as a browser sends it. */
interface Client {
  refreshToken: string
  accessToken: string
}

const COOKIE = '__Host-latchkey'
/** How long an endpoint pauses between its requests. */
const PAUSES_MS: Record<Endpoint, number> = {
  login: 150,
  refresh: 20,
  verify: 5,
  profile: 30,
  sessions: 30,
  logout: 150,
  readyz: 50,
}

/** Sends requests of every kind to two instances, one after the other for each kind, and records the answers. */
export class Traffic {
  readonly samples: Record<Endpoint, Sample[]> = {
    login: [],
    refresh: [],
    verify: [],
    profile: [],
    sessions: [],
    logout: [],
    readyz: [],
  }
  /** Answers that must never be given. */
  readonly violations: string[] = []
  readonly degraded = new Set<string>()
  readonly #apps: FastifyInstance[]
  readonly #clients: Client[] = []
  readonly #leaving: Person[] = []
  readonly #revoked: Person[] = []
  #email = ''
  #turn = 0
  #running = false
  #loops: Promise<unknown>[] = []
  readonly #becomingKnown: Promise<unknown>[] = []

  constructor({ a, b }: Pick<Instances, 'a' | 'b'>) {
    this.#apps = [a.app, b.app]
  }

  get revoked(): readonly Person[] {
    return this.#revoked
  }

  /** Signs all users in, and one of them out, whose tokens must be refused from then on. */
  async prepare({ clients = 12, leaving = 12 } = {}): Promise<void> {
    const [app] = this.#apps as [FastifyInstance]
    this.#email = (await signUp(app)).email
    const arrived = await Promise.all(Array.from({ length: clients + leaving + 1 }, () => signIn(app, this.#email)))
    const revoked = arrived.pop()!
    await post(app, '/auth/logout', {}, { authorization: `Bearer ${revoked.accessToken}` })
    this.#revoked.push(revoked)
    await untilRevoked(this.#apps, revoked)
    this.#leaving.push(...arrived.splice(0, leaving))
    this.#clients.push(...arrived)
  }

  start(): void {
    this.#running = true
    this.#loops = (Object.keys(PAUSES_MS) as Endpoint[]).map(async endpoint => {
      while (this.#running) {
        await this.#one(endpoint)
        await sleep(PAUSES_MS[endpoint])
      }
    })
  }

  async stop(): Promise<void> {
    this.#running = false
    await Promise.all(this.#loops)
    await Promise.all(this.#becomingKnown)
  }

  /** The clients that cannot go on with their last token, and the users who are accepted although they signed out. */
  async lost(): Promise<string[]> {
    const lost: string[] = []
    for (const [number, client] of this.#clients.entries()) {
      const response = await this.#refresh(this.#apps[number % 2]!, client)
      if (response.statusCode !== 200) lost.push(`client ${number} cannot refresh: ${response.body}`)
      for (const app of this.#apps) {
        const said = await verify(app, client.accessToken)
        if (said !== 200) lost.push(`client ${number} is refused: ${said}`)
      }
    }
    for (const person of this.#revoked) {
      for (const app of this.#apps) {
        const said = await verify(app, person.accessToken)
        if (said !== 'token_revoked') lost.push(`a user who signed out gets ${said}`)
      }
      const response = await post(this.#apps[0]!, '/auth/refresh', { refresh_token: person.refreshToken })
      if (response.statusCode !== 401) lost.push(`a user who signed out refreshes: ${response.statusCode}`)
    }
    return lost
  }

  /** Whether every endpoint works at an instance; asks all at once. */
  async works(): Promise<boolean> {
    const asked = this.#apps.flatMap((app, number) => [
      this.#login(app),
      this.#refresh(app, this.#clients[number]!),
      app.inject('/readyz').then(response => {
        if (response.json().status !== 'ok') throw new Error('degraded')
        return response
      }),
      get(app, '/auth/profile', this.#clients[number]!.accessToken),
    ])
    const answers = await Promise.all(asked.map(answer => answer.catch(() => undefined)))
    return answers.every(answer => answer !== undefined && answer.statusCode < 300)
  }

  async #one(endpoint: Endpoint): Promise<void> {
    const app = this.#apps[this.#turn++ % this.#apps.length]!
    const client = this.#clients[Math.floor(Math.random() * this.#clients.length)]!
    const startedAt = performance.now()
    const status = await this.#ask(endpoint, app, client)
    const ms = performance.now() - startedAt
    if (status !== undefined) this.samples[endpoint].push({ startedAt, ms, status })
  }

  async #ask(endpoint: Endpoint, app: FastifyInstance, client: Client): Promise<number | string | undefined> {
    switch (endpoint) {
      case 'login':
        return this.#checked(endpoint, await this.#login(app))
      case 'refresh':
        return this.#checked(endpoint, await this.#refresh(app, client))
      case 'verify': {
        for (const person of this.#revoked.slice(-3)) {
          const said = await verify(app, person.accessToken)
          if (said === 200) this.violations.push('a revoked token was accepted')
        }
        return this.#checked(endpoint, await get(app, '/auth/verify', client.accessToken))
      }
      case 'profile':
      case 'sessions':
        return this.#checked(endpoint, await get(app, `/auth/${endpoint}`, client.accessToken))
      case 'logout':
        return this.#logout(app)
      case 'readyz': {
        const response = await app.inject('/readyz')
        const { degraded = [], reason } = response.json()
        for (const name of degraded) this.degraded.add(name)
        return response.statusCode === 200 ? (degraded.length > 0 ? 'degraded' : 200) : reason
      }
    }
  }

  #checked(endpoint: Endpoint, response: LightMyRequestResponse): number {
    const { statusCode, headers } = response
    if (statusCode >= 500 && statusCode !== 503) this.violations.push(`${endpoint}: ${response.body}`)
    if (statusCode === 503 && headers['retry-after'] === undefined) this.violations.push(`${endpoint}: no Retry-After`)
    if (statusCode === 503 && headers['set-cookie'] !== undefined) this.violations.push(`${endpoint}: 503 and a cookie`)
    return statusCode
  }

  async #login(app: FastifyInstance): Promise<LightMyRequestResponse> {
    return post(app, '/auth/login', { email: this.#email, password: PASSWORD, transport: 'body' })
  }

  async #refresh(app: FastifyInstance, client: Client): Promise<LightMyRequestResponse> {
    const response = await post(app, '/auth/refresh', {}, { cookie: `${COOKIE}=${client.refreshToken}` })
    if (response.statusCode === 200) {
      const cookie = response.cookies.find(({ name }) => name === COOKIE)
      if (cookie) client.refreshToken = cookie.value
      client.accessToken = response.json().access_token
    }
    return response
  }

  /** After a 503 the user may be signed out or not, and tries again. After a 204 no instance may accept them. */
  async #logout(app: FastifyInstance): Promise<number | undefined> {
    const person = this.#leaving.shift()
    if (!person) return undefined
    const response = await post(app, '/auth/logout', {}, { cookie: `${COOKIE}=${person.refreshToken}` })
    const status = this.#checked('logout', response)
    if (status !== 204) this.#leaving.push(person)
    else if ((await verify(app, person.accessToken)) === 200) this.violations.push('logout: 204, and still accepted')
    else this.#becomingKnown.push(untilRevoked(this.#apps, person).then(() => this.#revoked.push(person)))
    return status
  }
}

/**
 * Without Redis it takes up to two seconds, and longer on a busy machine. It is not enough that the token is not
 * accepted: an instance that cannot decide at the moment refuses it too, and may learn of the revocation later.
 */
async function untilRevoked(apps: readonly FastifyInstance[], { accessToken }: Person): Promise<void> {
  const end = performance.now() + 15_000
  for (const app of apps) {
    while ((await verify(app, accessToken)) !== 'token_revoked') {
      if (performance.now() > end) return
      await sleep(5)
    }
  }
}
